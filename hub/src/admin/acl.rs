//! Access rules: which a space has, changing them, and why somebody may do something.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use syncline_protocol::{Code, Reject};
use utoipa::{IntoParams, ToSchema};

use super::answer::{DONE, Failure, Path, Query};
use super::body::Body;
use super::caller::Caller;
use super::document::{Authenticated, Bodied, Named, Parsed};
use super::page::{Page, Paging};
use super::place::{SpacePath, name};
use crate::access::acl::{NoPattern, Pattern, Subject, Verdict};
use crate::hub::{Decider, Hub};

/// An access rule: three patterns, each a value or the beginning of values and `*`.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessRule {
    /// Accounts.
    #[schema(min_length = 1, max_length = 1024)]
    principal: String,
    /// Items: `collection/key`, or `.acl` for the rules themselves.
    #[schema(min_length = 1, max_length = 1024)]
    item: String,
    /// Actions: read, write, delete, admin.
    #[schema(min_length = 1, max_length = 1024)]
    action: String,
    /// allow or deny.
    #[schema(pattern = "^(allow|deny)$")]
    verdict: String,
}

/// The patterns of a rule.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Patterns {
    /// Its pattern of accounts.
    principal: String,
    /// Its pattern of items.
    item: String,
    /// Its pattern of actions.
    action: String,
}

/// What is asked about.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// The account; one's own when nothing is said.
    principal: Option<String>,
    /// The item, `collection/key`.
    item: String,
    /// read, write, delete or admin; what the events say in a space of events.
    action: String,
}

/// Whether somebody may do something, and what decides.
#[derive(Serialize, ToSchema)]
pub(super) struct Explanation {
    /// allow or deny.
    verdict: &'static str,
    /// owner, rule, role or no_member.
    by: &'static str,
    /// The role that decides, where one does; none of a space of events, where without a rule
    /// nothing may be done.
    role: Option<&'static str>,
    /// The rule that decides, where one does.
    rule: Option<AccessRule>,
}

/// The access rules of a space, by their patterns.
#[utoipa::path(get, path = "/spaces/{space}/acl", operation_id = "list_rules", tag = "access",
    params(SpacePath, Paging),
    responses((status = 200, description = "A page of rules", body = Page<AccessRule>),
        Authenticated, Named, Parsed))]
pub(super) async fn list(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<AccessRule>>, Failure> {
    let rules = hub.acl(&caller, &name(&path.space)?)?.into_iter();
    let keyed = rules.map(|(subject, verdict)| {
        let key = [&subject.principal, &subject.item, &subject.action].map(Pattern::as_str);
        (key.join("\n"), shown(&subject, verdict))
    });
    paging.cut(keyed, Ok).map(Json)
}

/// Adds a rule, in place of one with the same patterns.
#[utoipa::path(put, path = "/spaces/{space}/acl", operation_id = "set_rule", tag = "access",
    params(SpacePath), request_body = AccessRule,
    responses((status = 204, description = "It holds"), Authenticated, Named, Bodied))]
pub(super) async fn set(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
    Body(rule): Body<AccessRule>,
) -> Result<StatusCode, Failure> {
    let verdict: Verdict = rule.verdict.parse().map_err(refused)?;
    let subject = subject(&rule.principal, &rule.item, &rule.action)?;
    hub.set_rule(&caller, &name(&path.space)?, &subject, verdict).await?;
    Ok(DONE)
}

/// Takes a rule out.
#[utoipa::path(delete, path = "/spaces/{space}/acl", operation_id = "remove_rule", tag = "access",
    params(SpacePath, Patterns),
    responses((status = 204, description = "It is gone"), Authenticated, Named, Parsed))]
pub(super) async fn remove(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
    Query(patterns): Query<Patterns>,
) -> Result<StatusCode, Failure> {
    let subject = subject(&patterns.principal, &patterns.item, &patterns.action)?;
    hub.remove_rule(&caller, &name(&path.space)?, &subject).await?;
    Ok(DONE)
}

/// Whether an account may do something to an item, and which rule or role says so.
#[utoipa::path(get, path = "/spaces/{space}/acl/explain", operation_id = "explain", tag = "access",
    params(SpacePath, Question),
    responses((status = 200, description = "What decides", body = Explanation),
        Authenticated, Named, Parsed))]
pub(super) async fn explain(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
    Query(question): Query<Question>,
) -> Result<Json<Explanation>, Failure> {
    let account = question.principal.unwrap_or_else(|| caller.account().to_owned());
    let asked = (account.as_str(), question.item.as_str(), question.action.as_str());
    let explained = hub.explain(&caller, &name(&path.space)?, asked)?;
    let verdict = explained.verdict;
    let (by, role, rule) = match explained.by {
        Decider::Owner => ("owner", None, None),
        Decider::Role(role) => ("role", Some(role.as_str()), None),
        Decider::Rule(subject) => ("rule", None, Some(shown(&subject, verdict))),
        Decider::NoRule => ("role", None, None),
        Decider::NoMember => ("no_member", None, None),
    };
    Ok(Json(Explanation { verdict: verdict.as_str(), by, role, rule }))
}

fn shown(subject: &Subject, verdict: Verdict) -> AccessRule {
    AccessRule {
        principal: subject.principal.to_string(),
        item: subject.item.to_string(),
        action: subject.action.to_string(),
        verdict: verdict.as_str().to_owned(),
    }
}

fn subject(principal: &str, item: &str, action: &str) -> Result<Subject, Failure> {
    let pattern = |name: &str, text: &str| {
        let problem = |problem: NoPattern| refused(format!("The {name} {problem}"));
        text.parse::<Pattern>().map_err(problem)
    };
    Ok(Subject {
        principal: pattern("principal", principal)?,
        item: pattern("item", item)?,
        action: pattern("action", action)?,
    })
}

fn refused(problem: impl Into<String>) -> Failure {
    Reject::new(Code::Refused, problem.into()).into()
}
