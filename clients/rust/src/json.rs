//! Values as JSON, both ways, for people, command lines and other programs.
//!
//! ```text
//! MessagePack                     JSON
//! nil, bool, integer, text        as they are
//! float                           number; where JSON has none {"$float": "NaN", "Infinity", ..}
//! binary                          {"$bin": base64}
//! extension                       {"$ext": [type, base64]}
//! array                           array
//! map                             object; a key that is no text is its JSON as text
//!                                 {"$map": [[key, value], ..]} where an object would say otherwise
//! ```
//! What JSON cannot tell apart is lost on the way there: the widths of numbers. Back comes the
//! shortest form of each.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rmp::Marker;
use serde_json::{Map, Number, Value as Json, json};
use syncline_protocol::{NESTING_MAX, Value, ValueError};

/// Why JSON is not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// A `$` form with the wrong content.
    #[error("{0} needs {1}")]
    Form(&'static str, &'static str),
    /// Too deep or too long for a value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Longer than MessagePack can say.
    #[error("the value is too long")]
    TooLong,
}

/// A value as JSON.
#[must_use]
pub fn from_value(value: &Value) -> Json {
    let mut rest = value.as_bytes();
    read(&mut rest)
}

/// JSON as a value.
///
/// # Errors
/// What is wrong with its form.
pub fn to_value(json: &Json) -> Result<Value, JsonError> {
    let mut bytes = Vec::new();
    write(&mut bytes, json, NESTING_MAX)?;
    Ok(Value::new(bytes)?)
}

/// Reads one item. A value's form was checked at its birth, its nesting bounded with it, so that
/// whatever cannot be read here never comes.
fn read(rest: &mut &[u8]) -> Json {
    let marker = rest.first().map_or(Marker::Null, |&byte| Marker::from_u8(byte));
    match marker {
        Marker::True | Marker::False => rmp::decode::read_bool(rest).map_or(Json::Null, Json::Bool),
        Marker::F32 => rmp::decode::read_f32(rest).map_or(Json::Null, |f| float(f64::from(f))),
        Marker::F64 => rmp::decode::read_f64(rest).map_or(Json::Null, float),
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
            let length = rmp::decode::read_str_len(rest).unwrap_or(0);
            Json::String(String::from_utf8_lossy(take(rest, length)).into_owned())
        }
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => {
            let length = rmp::decode::read_bin_len(rest).unwrap_or(0);
            json!({ "$bin": BASE64.encode(take(rest, length)) })
        }
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
            let length = rmp::decode::read_array_len(rest).unwrap_or(0);
            Json::Array((0..length).map(|_| read(rest)).collect())
        }
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
            let length = rmp::decode::read_map_len(rest).unwrap_or(0);
            map((0..length).map(|_| (read(rest), read(rest))).collect())
        }
        Marker::FixExt1
        | Marker::FixExt2
        | Marker::FixExt4
        | Marker::FixExt8
        | Marker::FixExt16
        | Marker::Ext8
        | Marker::Ext16
        | Marker::Ext32 => {
            let Ok(meta) = rmp::decode::read_ext_meta(rest) else { return Json::Null };
            json!({ "$ext": [meta.typeid, BASE64.encode(take(rest, meta.size))] })
        }
        Marker::Null | Marker::Reserved => {
            take(rest, 1);
            Json::Null
        }
        _ => integer(rest),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: u32) -> &'a [u8] {
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
    let (taken, after) = rest.split_at(length);
    *rest = after;
    taken
}

fn integer(rest: &mut &[u8]) -> Json {
    let mut bytes = *rest;
    if let Ok(number) = rmp::decode::read_int::<i64, _>(&mut bytes) {
        *rest = bytes;
        return number.into();
    }
    rmp::decode::read_int::<u64, _>(rest).map_or(Json::Null, Json::from)
}

fn float(number: f64) -> Json {
    let name = match number {
        _ if number.is_nan() => "NaN",
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => return Number::from_f64(number).map_or(Json::Null, Json::Number),
    };
    json!({ "$float": name })
}

fn map(pairs: Vec<(Json, Json)>) -> Json {
    let name = |key: &Json| match key {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let names: BTreeSet<_> = pairs.iter().map(|(key, _)| name(key)).collect();
    let reads_otherwise = pairs.len() == 1 && names.iter().all(|name| is_form(name));
    if names.len() < pairs.len() || reads_otherwise {
        let pairs: Vec<_> = pairs.into_iter().map(|(key, value)| json!([key, value])).collect();
        return json!({ "$map": pairs });
    }
    pairs.into_iter().map(|(key, value)| (name(&key), value)).collect::<Map<_, _>>().into()
}

fn is_form(name: &str) -> bool {
    matches!(name, "$bin" | "$ext" | "$float" | "$map")
}

fn write(out: &mut Vec<u8>, json: &Json, depth: usize) -> Result<(), JsonError> {
    // Writing to memory does not fail; lengths may.
    let length = |length: usize| u32::try_from(length).map_err(|_| JsonError::TooLong);
    let deeper = || depth.checked_sub(1).ok_or(JsonError::Value(ValueError::Nesting));
    match json {
        Json::Null => out.push(0xc0),
        Json::Bool(truth) => out.push(if *truth { 0xc3 } else { 0xc2 }),
        Json::Number(number) => out.extend_from_slice(number_value(number).as_bytes()),
        Json::String(text) => {
            length(text.len())?;
            out.extend_from_slice(Value::from(text.as_str()).as_bytes());
        }
        Json::Array(items) => {
            let _ = rmp::encode::write_array_len(out, length(items.len())?);
            let depth = deeper()?;
            items.iter().try_for_each(|item| write(out, item, depth))?;
        }
        Json::Object(object) => {
            if let Some((name, content)) = object.iter().next().filter(|_| object.len() == 1)
                && is_form(name)
            {
                return write_form(out, name, content, depth);
            }
            let _ = rmp::encode::write_map_len(out, length(object.len())?);
            let depth = deeper()?;
            for (name, value) in object {
                write(out, &Json::String(name.clone()), depth)?;
                write(out, value, depth)?;
            }
        }
    }
    Ok(())
}

fn number_value(number: &Number) -> Value {
    match (number.as_u64(), number.as_i64()) {
        (Some(number), _) => Value::from(number),
        (_, Some(number)) => Value::from(number),
        _ => Value::from(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn write_form(
    out: &mut Vec<u8>,
    form: &str,
    content: &Json,
    depth: usize,
) -> Result<(), JsonError> {
    match form {
        "$bin" => {
            let bytes = content.as_str().and_then(|text| BASE64.decode(text).ok());
            let bytes = bytes.ok_or(JsonError::Form("$bin", "a text in base64"))?;
            out.extend_from_slice(Value::from(bytes.as_slice()).as_bytes());
        }
        "$float" => {
            let number = match content.as_str() {
                Some("NaN") => f64::NAN,
                Some("Infinity") => f64::INFINITY,
                Some("-Infinity") => f64::NEG_INFINITY,
                _ => return Err(JsonError::Form("$float", "NaN, Infinity or -Infinity")),
            };
            out.extend_from_slice(Value::from(number).as_bytes());
        }
        "$ext" => write_extension(out, content)?,
        _ => write_pairs(out, content, depth)?,
    }
    Ok(())
}

fn write_extension(out: &mut Vec<u8>, content: &Json) -> Result<(), JsonError> {
    let wrong = JsonError::Form("$ext", "a type from -128 to 127 and a text in base64");
    let Some([kind, text]) = content.as_array().map(Vec::as_slice) else { return Err(wrong) };
    let kind = kind.as_i64().and_then(|kind| i8::try_from(kind).ok());
    let bytes = text.as_str().and_then(|text| BASE64.decode(text).ok());
    let (Some(kind), Some(bytes)) = (kind, bytes) else { return Err(wrong) };
    let length = u32::try_from(bytes.len()).map_err(|_| JsonError::TooLong)?;
    let _ = rmp::encode::write_ext_meta(out, length, kind);
    out.extend_from_slice(&bytes);
    Ok(())
}

fn write_pairs(out: &mut Vec<u8>, content: &Json, depth: usize) -> Result<(), JsonError> {
    let wrong = || JsonError::Form("$map", "a list of pairs of a key and a value");
    let pairs = content.as_array().ok_or_else(wrong)?;
    let depth = depth.checked_sub(1).ok_or(JsonError::Value(ValueError::Nesting))?;
    let length = u32::try_from(pairs.len()).map_err(|_| JsonError::TooLong)?;
    let _ = rmp::encode::write_map_len(out, length);
    for pair in pairs {
        let Some([key, value]) = pair.as_array().map(Vec::as_slice) else { return Err(wrong()) };
        write(out, key, depth)?;
        write(out, value, depth)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(bytes: &[u8]) -> Value {
        Value::new(bytes.to_vec()).unwrap()
    }

    #[test]
    fn each_kind_has_its_form() {
        let cases: &[(&[u8], Json)] = &[
            (&[0xc0], json!(null)),
            (&[0xc3], json!(true)),
            (&[0xff], json!(-1)),
            (&[0xcf, 255, 255, 255, 255, 255, 255, 255, 255], json!(u64::MAX)),
            (&[0xca, 0x3f, 0x80, 0, 0], json!(1.0)),
            (&[0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0], json!({ "$float": "Infinity" })),
            (&[0xa1, b'x'], json!("x")),
            (&[0xc4, 2, 1, 2], json!({ "$bin": "AQI=" })),
            (&[0xd4, 0xff, 7], json!({ "$ext": [-1, "Bw=="] })),
            (&[0x92, 1, 0x90], json!([1, []])),
            (&[0x81, 0xa1, b'x', 1], json!({ "x": 1 })),
            (&[0x82, 1, 2, 0x91, 3, 4], json!({ "1": 2, "[3]": 4 })),
            (&[0x82, 1, 2, 0xa1, b'1', 4], json!({ "$map": [[1, 2], ["1", 4]] })),
            (&[0x81, 0xa4, b'$', b'b', b'i', b'n', 1], json!({ "$map": [["$bin", 1]] })),
        ];
        for (bytes, json) in cases {
            assert_eq!(&from_value(&value(bytes)), json);
        }
    }

    #[test]
    fn wrong_forms_say_what_they_need() {
        for wrong in [
            json!({ "$bin": 1 }),
            json!({ "$bin": "%" }),
            json!({ "$float": "big" }),
            json!({ "$ext": [1] }),
            json!({ "$ext": [128, ""] }),
            json!({ "$map": [[1]] }),
            json!({ "$map": 1 }),
        ] {
            assert!(matches!(to_value(&wrong), Err(JsonError::Form(..))), "{wrong}");
        }
        let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(to_value(&deep), Err(JsonError::Value(ValueError::Nesting)));
        assert!(to_value(&json!({ "$bin": "", "other": 1 })).is_ok());
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            any::<f64>().prop_map(float),
            ".{0,8}".prop_map(Json::from),
            prop::collection::vec(any::<u8>(), 0..9)
                .prop_map(|bytes| json!({ "$bin": BASE64.encode(bytes) })),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
                prop::collection::hash_map("[a-z$]{0,4}", inner, 0..6)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_comes_back_as_it_went(json in any_json()) {
            if let Ok(value) = to_value(&json) {
                prop_assert_eq!(from_value(&value), json);
            }
        }

        #[test]
        fn any_value_reads_back_equal(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(value) = Value::new(bytes) {
                let json = from_value(&value);
                prop_assert_eq!(from_value(&to_value(&json).unwrap()), json);
            }
        }
    }
}
