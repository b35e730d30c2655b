//! Who may do what, by the rules of an app: the hub's engine, with the one thing that is decided
//! here. `.root` may do everything; where no rule matches, nothing may be done.

use std::collections::HashMap;

use super::mapping::ROOT;
use crate::hub::{Acl, Sight, Verdict};

/// The rules, as they are for one user.
pub(super) struct Permissions<'a> {
    acl: &'a Acl,
    user: &'a str,
    /// Whether names that begin with a dot are matched by such patterns alone.
    dotted: bool,
    /// The rules worked out for each action that was asked about; with `dotted`, also for whether
    /// the item has a dot.
    known: HashMap<(String, bool), Sight>,
}

impl<'a> Permissions<'a> {
    pub(super) fn new(acl: &'a Acl, user: &'a str, dotted: bool) -> Self {
        Self { acl, user, dotted, known: HashMap::new() }
    }

    /// Whether the user may do it.
    pub(super) fn allow(&mut self, item: &str, action: &str) -> bool {
        if self.user == ROOT {
            return true;
        }
        let has_dot = self.dotted && item.starts_with('.');
        let asked = (action.to_owned(), has_dot);
        if let Some(known) = self.known.get(&asked) {
            return known.allows(item);
        }
        let sight = self.sight(action, has_dot);
        let allows = sight.allows(item);
        self.known.insert(asked, sight);
        allows
    }

    fn sight(&self, action: &str, has_dot: bool) -> Sight {
        if !self.dotted || !(has_dot || action.starts_with('.')) {
            return self.acl.sight(self.user, action, Verdict::Deny);
        }
        let mut acl = Acl::default();
        for (subject, verdict) in self.acl.iter() {
            let fits = |pattern: &str, dot: bool| !dot || pattern.starts_with('.');
            if fits(subject.item.as_str(), has_dot)
                && fits(subject.action.as_str(), action.starts_with('.'))
            {
                acl.set(subject.clone(), verdict);
            }
        }
        acl.sight(self.user, action, Verdict::Deny)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Subject;

    fn acl(rules: &[(&str, &str, &str, Verdict)]) -> Acl {
        let mut acl = Acl::default();
        for (user, item, action, verdict) in rules {
            let subject = Subject {
                principal: user.parse().unwrap(),
                item: item.parse().unwrap(),
                action: action.parse().unwrap(),
            };
            acl.set(subject, *verdict);
        }
        acl
    }

    #[test]
    fn a_star_reaches_reserved_names_unless_dots_are_asked_for() {
        let acl = acl(&[("bo", "*", "*", Verdict::Allow), ("bo", ".a*", ".acl.*", Verdict::Allow)]);
        let mut plain = Permissions::new(&acl, "bo", false);
        assert!(plain.allow(".acl", ".acl.addRule") && plain.allow("bob", ".user.resetKey"));
        let mut dotted = Permissions::new(&acl, "bo", true);
        assert!(dotted.allow("task.1", "edit") && dotted.allow(".acl", ".acl.addRule"));
        assert!(!dotted.allow("bob", ".user.resetKey") && !dotted.allow(".user.x", "edit"));
    }

    #[test]
    fn root_may_do_everything_and_nobody_else_anything_without_a_rule() {
        let denied = acl(&[("*", "*", "*", Verdict::Deny)]);
        assert!(Permissions::new(&denied, ROOT, true).allow("task.1", "edit"));
        assert!(!Permissions::new(&Acl::default(), "bo", false).allow("task.1", "edit"));
    }
}
