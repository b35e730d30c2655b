//! Tests of the settings as a whole: precedence, errors that help, and print as the inverse of
//! load. They write files to temporary folders and read no real environment.

use std::time::Duration;

use proptest::prelude::*;

use super::value::Slot;
use super::*;

/// Loads a file of this text under these variables.
fn load(text: &str, env: &[(&str, &str)], overrides: Overrides) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("syncline.toml");
    std::fs::write(&file, text).expect("a writable folder");
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(&file), env, overrides)
}

fn load_text(text: &str) -> Result<Config, ConfigError> {
    load(text, &[], Overrides::default())
}

/// Asserts that loading fails with a message that holds each part.
fn refused(text: &str, env: &[(&str, &str)], parts: &[&str]) {
    let message = load(text, env, Overrides::default()).expect_err(text).to_string();
    for part in parts {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

#[test]
fn nothing_said_is_the_defaults() {
    let config = Config::load(None, std::iter::empty(), Overrides::default()).expect("defaults");
    assert_eq!(config, Config::default());
    assert_eq!(config.listen, ["127.0.0.1:7962".parse().expect("an address")]);
    assert_eq!(config.store.tombstone_retention, Duration::from_secs(90 * 86_400));
    assert_eq!(config.limits.signal_bytes, 16 * 1024);
    assert_eq!(config.sync.queue_bytes, 1024 * 1024);
}

#[test]
fn a_flag_beats_a_variable_beats_the_file() {
    let text = "data = \"file\"\nlisten = [\"127.0.0.1:1\"]\n[sync]\nqueue_bytes = \"2 MiB\"\n";
    let env = [("SYNCLINE_DATA", "variable"), ("SYNCLINE_LISTEN", "127.0.0.1:2, [::1]:3")];
    let flags = Overrides { data: Some(PathBuf::from("flag")), listen: None };
    let config = load(text, &env, flags).expect("valid settings");
    assert_eq!(config.data, Path::new("flag"));
    assert_eq!(config.listen.len(), 2);
    assert_eq!(config.sync.queue_bytes, 2 << 20);
    let env = [("SYNCLINE_SYNC__QUEUE_BYTES", "3MiB"), ("SYNCLINE_TLS__ENABLED", "false")];
    let config = load(text, &env, Overrides::default()).expect("valid settings");
    assert_eq!((config.sync.queue_bytes, config.tls.enabled), (3 << 20, false));
}

#[test]
fn variables_of_others_are_left_alone() {
    let env = [
        ("PATH", "/bin"),
        ("SYNCLINE_TOKEN", "sl_secret"),
        ("SYNCLINE_URL", "http://x"),
        ("SYNCLINE_CONFIG", "x.toml"),
        ("SYNCLINE_PORT", "tcp://10.0.0.1:7962"),
        ("SYNCLINE_PORT_7962_TCP_PROTO", "tcp"),
        ("SYNCLINE_SERVICE_HOST", "10.0.0.1"),
    ];
    assert_eq!(load("", &env, Overrides::default()).expect("defaults"), Config::default());
}

#[test]
fn unknown_keys_are_errors_that_name_the_right_one() {
    refused(
        "[sync]\nqueue_byte = 1",
        &[],
        &["syncline.toml", "sync.queue_byte", "\"sync.queue_bytes\""],
    );
    refused("[sync]\nframe_bytes = 1", &[], &["did you mean \"limits.frame_bytes\""]);
    refused("[snyc]\nheartbeat = \"1s\"", &[], &["snyc"]);
    refused("lisen = []", &[], &["did you mean \"listen\""]);
    refused("[sync]\nzzz = 1", &[], &["`syncline config print`"]);
    let env = [("SYNCLINE_SYNC_QUEUE_BYTES", "1")];
    refused("", &env, &["variable SYNCLINE_SYNC_QUEUE_BYTES", "\"SYNCLINE_SYNC__QUEUE_BYTES\""]);
    refused("", &[("SYNCLINE_PORT", "7962")], &["SYNCLINE_PORT"]);
}

#[test]
fn wrong_values_are_errors_that_name_the_remedy() {
    refused("[sync]\nheartbeat = 15", &[], &["syncline.toml", "sync.heartbeat", "\"15s\""]);
    refused("[sync]\nheartbeat = \"0s\"", &[], &["out of range", "1s to 1h"]);
    refused("[limits]\nframe_bytes = \"5 GiB\"", &[], &["limits.frame_bytes", "64 MiB"]);
    refused("[limits]\nfields = -1", &[], &["whole number"]);
    refused("[tls]\nenabled = \"yes\"", &[], &["true or false"]);
    refused("listen = \"localhost\"", &[], &["IP address with a port"]);
    refused("listen = [1]", &[], &["in quotes"]);
    refused("tls = 1", &[], &["write [tls]"]);
    refused("a = [", &[], &["syncline.toml", "not valid TOML", "line 1"]);
    refused("", &[("SYNCLINE_LOG__FORMAT", "xml")], &["SYNCLINE_LOG__FORMAT", "\"json\""]);
    refused("[log]\nfilter = \"a=b=c\"", &[], &["log.filter", "syncline=debug"]);
    let missing =
        Config::load(Some(Path::new("/nowhere.toml")), std::iter::empty(), Overrides::default());
    assert!(missing.expect_err("no such file").to_string().contains("/nowhere.toml"));
}

#[test]
fn contradictions_name_both_settings_and_their_origins() {
    let env = [("SYNCLINE_SYNC__HEARTBEAT", "60s")];
    refused(
        "",
        &env,
        &["sync.heartbeat (\"1m\", the environment", "sync.idle_timeout", "the default"],
    );
    refused(
        "[limits]\nframe_bytes = \"64 KiB\"",
        &[],
        &["limits.value_bytes", "limits.frame_bytes"],
    );
    refused("[sync]\npage_bytes = \"2 MiB\"", &[], &["sync.page_bytes", "sync.queue_bytes"]);
    refused("[tls]\ncertificate = \"a.pem\"", &[], &["tls.certificate", "tls.key"]);
    refused("[tls]\nkey = \"a.pem\"", &[], &["set tls.certificate too"]);
    refused("listen = []", &[], &["listen", "at least one"]);
    refused("listen = \"[::]:1,[::]:1\"", &[], &["named twice"]);
    refused("data = \"\"", &[], &["data", "folder"]);
}

#[test]
fn a_variable_can_take_back_a_file() {
    let text = "[http]\nmetrics_token_file = \"token\"";
    let env = [("SYNCLINE_HTTP__METRICS_TOKEN_FILE", "")];
    let config = load(text, &env, Overrides::default()).expect("valid settings");
    assert_eq!(config.http.metrics_token_file, None);
}

#[test]
fn every_setting_is_explained_and_within_its_own_bounds() {
    let mut defaults = Config::default();
    for setting in settings::all() {
        let name = setting.name();
        assert!(!setting.doc.is_empty() && setting.doc.len() <= 3, "{name}");
        let Some(shown) = setting.slot.show(&mut defaults) else { continue };
        let table: toml::Table = format!("v = {shown}").parse().expect("printed values are TOML");
        setting.slot.put(&mut defaults, &table["v"]).expect("a default is within its bounds");
    }
    assert_eq!(defaults, Config::default());
}

#[test]
fn print_explains_and_loads_back() {
    let text = Config::default().print();
    assert_eq!(load_text(&text).expect("the printed settings load"), Config::default());
    assert!(text.contains("# Default: \"90d\"; variable: SYNCLINE_STORE__TOMBSTONE_RETENTION\n"));
    assert!(text.contains("\n[limits]\n"));
    assert!(text.contains("\n# certificate = \"\"\n"));
}

proptest! {
    #[test]
    fn print_is_the_inverse_of_load(
        path in "[^\\x00]{1,20}",
        nanos in 1_000_000_000u64..3_600_000_000_000,
        bytes in 1_048_576u64..1 << 40,
        per_second in 0u32..=100_000_000,
        proxies in proptest::collection::vec((any::<[u8; 16]>(), 0u8..=128), 0..4),
    ) {
        let mut config = Config::default();
        config.tls.certificate = Some(PathBuf::from(&path));
        config.tls.key = Some(PathBuf::from(&path));
        config.tls.names = vec!["a.example".to_owned(), "::1".to_owned()];
        config.sync.heartbeat = Duration::from_nanos(nanos);
        config.sync.idle_timeout = Duration::from_nanos(nanos + 3_600_000_000_000);
        config.store.cache_bytes = bytes;
        config.limits.deltas_per_second_per_user = per_second;
        config.log.format = LogFormat::Json;
        config.http.trusted_proxies = proxies
            .into_iter()
            .map(|(address, bits)| ipnet::Ipv6Net::new(address.into(), bits))
            .map(|net| net.expect("at most 128 bits").into())
            .collect();
        prop_assert_eq!(load_text(&config.print()).expect("printed settings load"), config);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        // Whatever stands in the file or a variable, the answer is a value or an error.
        let answered = load_text(&text).map(|_| ()).or_else(|error| {
            if error.to_string().is_empty() { Err(error) } else { Ok(()) }
        });
        prop_assert!(answered.is_ok());
        for setting in settings::all() {
            let mut config = Config::default();
            if setting.slot.put(&mut config, &toml::Value::String(text.clone())).is_ok() {
                let shows = setting.slot.show(&mut config).is_some();
                let is_secret = matches!(setting.slot, Slot::Secret(_));
                prop_assert!(shows != is_secret || text.is_empty());
            }
        }
    }
}
