//! The grammar of names, as regular expressions for the OpenAPI document: told once for each kind
//! of name, wherever a path or a body has one. The names themselves are checked by the protocol.

use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::{Object, ObjectBuilder, OpenApi, RefOr, Type};

/// What a name's text looks like, how long it may be, and an example.
struct Grammar {
    pattern: &'static str,
    length_max: usize,
    example: &'static str,
}

/// Segments of plain characters and escapes, none of them `.` or `..`.
const SPACE: Grammar = Grammar {
    pattern: "^(\\.{0,2}([a-z0-9_-]|%[0-9A-F]{2})|\\.{3})([a-z0-9._-]|%[0-9A-F]{2})*\
              (/(\\.{0,2}([a-z0-9_-]|%[0-9A-F]{2})|\\.{3})([a-z0-9._-]|%[0-9A-F]{2})*)*$",
    length_max: 255,
    example: "notes/alice",
};
const COLLECTION: Grammar =
    Grammar { pattern: "^[A-Za-z0-9_-][A-Za-z0-9._-]*$", length_max: 64, example: "pages" };
const KEY: Grammar = Grammar {
    pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
    length_max: 1024,
    example: "welcome",
};
const USER: Grammar =
    Grammar { pattern: "^\\.*[a-z0-9_-][a-z0-9._-]*$", length_max: 64, example: "alice" };

/// The variable parts of paths, by name.
const PARTS: [(&str, Grammar); 4] =
    [("space", SPACE), ("collection", COLLECTION), ("key", KEY), ("user", USER)];

/// Shapes that are one of several: each takes no field beside its own.
const CLOSED: [&str; 2] = ["Write", "Guard"];

/// Tells the grammar of every name in a document.
pub(super) fn tell(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            operation.parameters.iter_mut().flatten().for_each(tell_parameter);
        }
    }
    let Some(components) = &mut document.components else { return };
    if let Some(RefOr::T(Schema::Object(space))) = components.schemas.get_mut("NewSpace") {
        space.properties.insert("name".to_owned(), schema(&SPACE).into());
    }
    for name in CLOSED {
        if let Some(RefOr::T(Schema::OneOf(shape))) = components.schemas.get_mut(name) {
            shape.items.iter_mut().for_each(close);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn tell_parameter(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(parameter) = parameter else { return };
    if let Some((_, grammar)) = PARTS.iter().find(|(name, _)| *name == parameter.name) {
        parameter.schema = Some(schema(grammar).into());
    }
}

fn schema(grammar: &Grammar) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(grammar.length_max))
        .pattern(Some(grammar.pattern))
        .examples([grammar.example])
        .build()
}

fn close(shape: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = shape {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
}
