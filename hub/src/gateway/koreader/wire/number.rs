//! Numbers where texts are meant, and texts where numbers are: devices send both.

use serde_json::Value as Json;

/// A number, or a text that is one. Infinity is none.
pub(super) fn of(json: &Json) -> Option<f64> {
    let number = match json {
        Json::Number(number) => number.as_f64()?,
        // `inf` and `nan` would be read too; a number begins with a digit, a point or a sign.
        Json::String(text) if !text.contains(['n', 'N', 'i', 'I']) => text.trim().parse().ok()?,
        _ => return None,
    };
    Some(number).filter(|number| number.is_finite())
}

/// A text, or a number as text: a whole one without a point.
pub(super) fn text(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e15);
            let whole = whole.filter(|_| number.is_f64());
            Some(whole.map_or_else(|| number.to_string(), |float| format!("{float:.0}")))
        }
        _ => None,
    }
}
