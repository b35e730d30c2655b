//! How a setting is read from TOML or from text, and written back so that it reads the same.
//! This room knows one value at a time; it never knows where the value came from.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use rustls::pki_types::ServerName;
use toml::Value;
use tracing_subscriber::EnvFilter;

use super::{Config, EventReads, LogFormat, Registration, Secret};

/// The place of a setting in a [`Config`], by the way its value is written. Numbers and durations
/// carry the least and the most that is accepted.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    Switch(fn(&mut Config) -> &mut bool),
    Count(fn(&mut Config) -> &mut u32, u32, u32),
    Count64(fn(&mut Config) -> &mut u64, u64, u64),
    Size32(fn(&mut Config) -> &mut u32, u32, u32),
    Size64(fn(&mut Config) -> &mut u64, u64, u64),
    Span(fn(&mut Config) -> &mut Duration, Duration, Duration),
    Path(fn(&mut Config) -> &mut PathBuf),
    File(fn(&mut Config) -> &mut Option<PathBuf>),
    Addresses(fn(&mut Config) -> &mut Vec<SocketAddr>),
    Networks(fn(&mut Config) -> &mut Vec<IpNet>),
    Hosts(fn(&mut Config) -> &mut Vec<String>),
    Origins(fn(&mut Config) -> &mut Vec<String>),
    Filter(fn(&mut Config) -> &mut String),
    Format(fn(&mut Config) -> &mut LogFormat),
    Registering(fn(&mut Config) -> &mut Registration),
    Reads(fn(&mut Config) -> &mut EventReads),
    Names(fn(&mut Config) -> &mut Vec<String>),
    Words(fn(&mut Config) -> &mut Vec<String>),
    Account(fn(&mut Config) -> &mut String),
    Secret(fn(&mut Config) -> &mut Option<Secret>),
}

impl Slot {
    /// Puts a value in its place. The error says what is wrong and what to write instead.
    pub(super) fn put(self, config: &mut Config, value: &Value) -> Result<(), String> {
        match self {
            Self::Switch(at) => *at(config) = switch(value)?,
            Self::Count(at, least, most) => {
                *at(config) = narrow(count(value)?, least, most, &plain)?;
            }
            Self::Count64(at, least, most) => {
                *at(config) = within(count(value)?, least, most, &plain)?;
            }
            Self::Size32(at, least, most) => {
                *at(config) = narrow(size(value)?, least, most, &show_size)?;
            }
            Self::Size64(at, least, most) => {
                *at(config) = within(size(value)?, least, most, &show_size)?;
            }
            Self::Span(at, least, most) => {
                *at(config) = within(span(value)?, least, most, &show_span)?;
            }
            Self::Path(at) => *at(config) = path(value)?.ok_or("write the path of a folder")?,
            Self::File(at) => *at(config) = path(value)?,
            Self::Addresses(at) => *at(config) = list(value, address)?,
            Self::Networks(at) => *at(config) = list(value, network)?,
            Self::Hosts(at) => *at(config) = list(value, host)?,
            Self::Origins(at) => *at(config) = list(value, origin)?,
            Self::Filter(at) => *at(config) = filter(value)?,
            Self::Format(at) => *at(config) = format(value)?,
            Self::Registering(at) => *at(config) = registration(value)?,
            Self::Reads(at) => *at(config) = reads(value)?,
            Self::Names(at) => *at(config) = list(value, name)?,
            Self::Words(at) => *at(config) = list(value, word)?,
            Self::Account(at) => *at(config) = account(value)?,
            Self::Secret(at) => *at(config) = secret(value)?,
        }
        Ok(())
    }

    /// The value as TOML, or nothing when the setting is absent.
    pub(super) fn show(self, config: &mut Config) -> Option<String> {
        Some(match self {
            Self::Switch(at) => at(config).to_string(),
            Self::Count(at, ..) => at(config).to_string(),
            Self::Count64(at, ..) => at(config).to_string(),
            Self::Size32(at, ..) => quote(&show_size(u64::from(*at(config)))),
            Self::Size64(at, ..) => quote(&show_size(*at(config))),
            Self::Span(at, ..) => quote(&show_span(*at(config))),
            Self::Path(at) => quote(&at(config).to_string_lossy()),
            Self::File(at) => quote(&at(config).as_ref()?.to_string_lossy()),
            Self::Addresses(at) => quote_all(at(config)),
            Self::Networks(at) => quote_all(at(config)),
            Self::Hosts(at) | Self::Origins(at) | Self::Names(at) | Self::Words(at) => {
                quote_all(at(config))
            }
            Self::Filter(at) => quote(at(config)),
            Self::Format(at) => quote(show_format(*at(config))),
            Self::Registering(at) => quote(at(config).as_str()),
            Self::Reads(at) => quote(at(config).as_str()),
            Self::Account(at) => quote(at(config)),
            // A secret is set and never shown.
            Self::Secret(_) => return None,
        })
    }
}

fn registration(value: &Value) -> Result<Registration, String> {
    let word = value.as_str().and_then(Registration::of);
    word.ok_or_else(|| "write \"first\", \"open\" or \"closed\"".to_owned())
}

fn reads(value: &Value) -> Result<EventReads, String> {
    match value.as_str() {
        Some("open") => Ok(EventReads::Open),
        Some("acl") => Ok(EventReads::Acl),
        _ => Err("write \"open\" or \"acl\"".to_owned()),
    }
}

/// A name that can stand in an address and in the name of a space as it is.
fn name(text: &str) -> Result<String, String> {
    let good = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    let is_name = (1..=64).contains(&text.len())
        && text.bytes().all(good)
        && !text.trim_matches('.').is_empty();
    is_name
        .then(|| text.to_owned())
        .ok_or_else(|| format!("{text:?} is no name: write 1 to 64 of a-z, 0-9, `.`, `_` and `-`"))
}

fn word(text: &str) -> Result<String, String> {
    let is_word = !text.is_empty() && text.len() <= 1024 && !text.contains(char::is_control);
    is_word.then(|| text.to_owned()).ok_or_else(|| format!("{text:?} is no word: write one"))
}

fn switch(value: &Value) -> Result<bool, String> {
    match value {
        Value::Boolean(on) => Ok(*on),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

fn account(value: &Value) -> Result<String, String> {
    let good = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
    };
    let name = value.as_str().filter(|name| (1..=64).contains(&name.len()));
    let name = name.filter(|name| name.bytes().all(good));
    name.map(str::to_owned).ok_or_else(|| "write the name of an account".to_owned())
}

fn secret(value: &Value) -> Result<Option<Secret>, String> {
    let text = value.as_str().ok_or("write a text")?.trim();
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

fn count(value: &Value) -> Result<u64, String> {
    let parsed = match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        Value::String(text) => text.trim().replace('_', "").parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| "write a whole number, such as 64".to_owned())
}

/// A number of bytes: an integer, or an integer and a unit such as `256 KiB`.
fn size(value: &Value) -> Result<u64, String> {
    let parsed = match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        Value::String(text) => parse_size(text),
        _ => None,
    };
    parsed.ok_or_else(|| "write a number of bytes, such as 65536 or \"64 KiB\"".to_owned())
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let number: u64 = text[..end].replace('_', "").parse().ok()?;
    let unit = text[end..].trim().to_ascii_lowercase();
    let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&unit))?;
    number.checked_mul(*factor)
}

/// The units of sizes, the binary ones first and largest first, since they are also printed.
const UNITS: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

fn show_size(bytes: u64) -> String {
    let exact = UNITS.iter().find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor));
    match exact {
        Some((unit, factor)) => format!("{} {unit}", bytes / factor),
        None => "0 B".to_owned(),
    }
}

fn span(value: &Value) -> Result<Duration, String> {
    let advice = "write a duration with its unit, such as \"15s\", \"20ms\" or \"90d\"";
    let text = value.as_str().ok_or(advice)?;
    humantime::parse_duration(text.trim()).map_err(|_| advice.to_owned())
}

/// The units of durations. Months and years are read but never written, since they have no exact
/// length.
const SPANS: &[(&str, u128)] = &[
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

pub(super) fn show_span(span: Duration) -> String {
    let nanos = span.as_nanos();
    match SPANS.iter().find(|(_, unit)| nanos >= *unit && nanos.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", nanos / unit),
        None => "0s".to_owned(),
    }
}

/// A path; empty text means none, so that a variable can take back what the file says.
fn path(value: &Value) -> Result<Option<PathBuf>, String> {
    let text = value.as_str().ok_or("write a path in quotes")?;
    Ok(if text.is_empty() { None } else { Some(PathBuf::from(text)) })
}

/// A list: an array of texts, or one text with commas, which is all that a variable can hold.
fn list<T>(value: &Value, one: fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let texts: Vec<&str> = match value {
        Value::String(text) => text.split(',').map(str::trim).filter(|t| !t.is_empty()).collect(),
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.ok_or("write each entry of the list in quotes")?
        }
        _ => return Err("write a list of texts, such as [\"one\", \"two\"]".to_owned()),
    };
    texts.into_iter().map(one).collect()
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "{text:?} is not an IP address with a port: write \"127.0.0.1:7962\" or \"[::]:7962\""
        )
    })
}

/// A network, or one address, which is a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    let single = text.parse().map(|address: std::net::IpAddr| IpNet::from(address));
    text.parse().or(single).map_err(|_| {
        format!(
            "{text:?} is not a network: write \"10.0.0.0/8\", or one address such as \"10.0.0.1\""
        )
    })
}

/// A host name, perhaps with `*.` before it, or an IP address.
fn host(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let valid = match ServerName::try_from(name) {
        Ok(ServerName::DnsName(_)) => true,
        Ok(_) => name == text,
        Err(_) => false,
    };
    if !valid {
        return Err(format!("{text:?} is neither a host name nor an IP address"));
    }
    Ok(text.to_owned())
}

/// An origin as browsers send it: scheme, host and perhaps port, in lower case, no path. `null` is
/// refused, since every sandboxed page of the world has that origin.
fn origin(text: &str) -> Result<String, String> {
    let advice = || format!("{text:?} is not an origin: write \"https://notes.example.org\"");
    let (scheme, host) = text.split_once("://").ok_or_else(advice)?;
    let scheme_ok = !scheme.is_empty()
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let authority: http::uri::Authority = host.parse().map_err(|_| advice())?;
    if !scheme_ok
        || authority.as_str().contains('@')
        || authority.host().is_empty()
        || host.contains('*')
    {
        return Err(advice());
    }
    Ok(text.to_ascii_lowercase())
}

fn filter(value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or(FILTER_ADVICE)?;
    parse_filter(text).map(|_| text.to_owned())
}

const FILTER_ADVICE: &str =
    "write a level (error, warn, info, debug, trace) or a list such as \"warn,syncline=debug\"";

/// What is silent unless the filter names it: rustls warns of each oddity in a greeting, and some
/// apps send one with every connection. Failed handshakes are told by `listen`.
const QUIET: &str = "rustls=off";

pub(super) fn parse_filter(text: &str) -> Result<EnvFilter, String> {
    if !text.is_ascii() {
        // The parser of filters slices by byte and panics inside a longer character.
        return Err(format!("a filter is ASCII text: {FILTER_ADVICE}"));
    }
    let filter = EnvFilter::builder().parse(format!("{QUIET},{text}"));
    filter.map_err(|error| format!("{error}: {FILTER_ADVICE}"))
}

fn format(value: &Value) -> Result<LogFormat, String> {
    match value.as_str() {
        Some("auto") => Ok(LogFormat::Auto),
        Some("pretty") => Ok(LogFormat::Pretty),
        Some("json") => Ok(LogFormat::Json),
        _ => Err("write \"auto\", \"pretty\" or \"json\"".to_owned()),
    }
}

fn show_format(format: LogFormat) -> &'static str {
    match format {
        LogFormat::Auto => "auto",
        LogFormat::Pretty => "pretty",
        LogFormat::Json => "json",
    }
}

fn within<T: PartialOrd + Copy>(
    value: T,
    least: T,
    most: T,
    show: &dyn Fn(T) -> String,
) -> Result<T, String> {
    if value < least || value > most {
        return Err(format!(
            "{} is out of range: write {} to {}",
            show(value),
            show(least),
            show(most)
        ));
    }
    Ok(value)
}

fn narrow(value: u64, least: u32, most: u32, show: &dyn Fn(u64) -> String) -> Result<u32, String> {
    let value = within(value, u64::from(least), u64::from(most), show)?;
    u32::try_from(value).map_err(|error| error.to_string())
}

fn plain(number: u64) -> String {
    number.to_string()
}

fn quote(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn quote_all<T: ToString>(items: &[T]) -> String {
    let quoted: Vec<String> = items.iter().map(|item| quote(&item.to_string())).collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_what_they_write() {
        for bytes in [0, 1, 1023, 1024, 1536, 1 << 20, (1 << 30) + 1, 3 << 40, u64::MAX] {
            assert_eq!(parse_size(&show_size(bytes)), Some(bytes), "{bytes}");
        }
        assert_eq!(show_size(1 << 20), "1 MiB");
        assert_eq!(parse_size("1mib"), Some(1 << 20));
        assert_eq!(parse_size("10_000"), Some(10_000));
        for wrong in ["", "MiB", "-1", "1.5 MiB", "1 parsec", "20000000 TiB", "1 MiB 3"] {
            assert_eq!(parse_size(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn durations_read_what_they_write() {
        for nanos in [0, 1, 20_000_000, 15_000_000_000, 90_061_000_000_000, 7_776_000_000_000_000] {
            let span = Duration::from_nanos(nanos);
            assert_eq!(humantime::parse_duration(&show_span(span)), Ok(span), "{nanos}");
        }
        assert_eq!(show_span(Duration::from_secs(90 * 86_400)), "90d");
        assert!(span(&Value::Integer(15)).is_err());
    }

    #[test]
    fn hosts_origins_and_networks_are_judged() {
        for good in ["hub.example.org", "*.example.org", "localhost", "10.0.0.1", "::1"] {
            assert_eq!(host(good).as_deref(), Ok(good));
        }
        for wrong in ["", "*.10.0.0.1", "a b", "http://x", "x:1", "*"] {
            assert!(host(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(origin("HTTPS://Notes.Example").as_deref(), Ok("https://notes.example"));
        for wrong in ["null", "*", "https://*", "https://x/", "https://a@b", "://x", "https://"] {
            assert!(origin(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(network("10.1.2.3").map(|n| n.prefix_len()), Ok(32));
        assert!(network("10.1.2.3/33").is_err());
        assert!(address("localhost:7962").is_err());
    }
}
