//! Variables of other servers, so that what started them starts this hub as well, and a short name
//! for a secret that people give by hand.
//!
//! ```text
//! SYNCLINE_SIMPLE_SYNC_ROOT_KEY                      gateways.simple_sync.root_key
//! LINKORA_SERVER_AUTH_TOKEN                          gateways.linkora.auth_token
//! LINKORA_HOST_ADDRESS, LINKORA_SERVER_PORT,
//! LINKORA_HTTPS_PORT                                 gateways.linkora.listen
//! ```
//! Linkora's database and its key store have no counterpart: those variables are not looked at.
//! Both of its ports are opened as soon as one of the three is named.

const TOKEN: &str = "LINKORA_SERVER_AUTH_TOKEN";
const HOST: &str = "LINKORA_HOST_ADDRESS";
const PORT: &str = "LINKORA_SERVER_PORT";
const TLS_PORT: &str = "LINKORA_HTTPS_PORT";
const ROOT_KEY: &str = "SYNCLINE_SIMPLE_SYNC_ROOT_KEY";

/// What the variables say.
#[derive(Debug, Default)]
pub(super) struct Original {
    token: Option<String>,
    host: Option<String>,
    port: Option<String>,
    tls_port: Option<String>,
    root_key: Option<String>,
}

impl Original {
    /// Takes a variable, if it is one of these.
    pub(super) fn hear(&mut self, variable: &str, text: &str) {
        let place = match variable {
            TOKEN => &mut self.token,
            HOST => &mut self.host,
            PORT => &mut self.port,
            TLS_PORT => &mut self.tls_port,
            ROOT_KEY => &mut self.root_key,
            _ => return,
        };
        let text = text.trim();
        *place = (!text.is_empty()).then(|| text.to_owned());
    }

    /// The settings that they stand for: name, variable, and text.
    pub(super) fn settings(&self) -> Vec<(&'static str, &'static str, String)> {
        let mut settings = Vec::new();
        if let Some(token) = &self.token {
            settings.push(("gateways.linkora.auth_token", TOKEN, token.clone()));
        }
        if let Some(key) = &self.root_key {
            settings.push(("gateways.simple_sync.root_key", ROOT_KEY, key.clone()));
        }
        let named = [(HOST, &self.host), (PORT, &self.port), (TLS_PORT, &self.tls_port)];
        if let Some((variable, _)) = named.into_iter().find(|(_, text)| text.is_some()) {
            let host = self.host.as_deref().unwrap_or("0.0.0.0");
            let port = self.port.as_deref().unwrap_or("45454");
            let tls_port = self.tls_port.as_deref().unwrap_or("54545");
            let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
            let listen = format!("{host}:{port},{host}:{tls_port}");
            settings.push(("gateways.linkora.listen", variable, listen));
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Overrides};

    fn load(variables: &[(&str, &str)]) -> Config {
        let variables = variables.iter().map(|(name, text)| ((*name).into(), (*text).into()));
        Config::load(None, variables, Overrides::default()).unwrap()
    }

    #[test]
    fn what_started_the_original_starts_the_hub() {
        let own = load(&[
            ("LINKORA_SERVER_USE_ENV_VAL", "true"),
            (TOKEN, " a!@#$%^&*b "),
            (PORT, "45455"),
        ]);
        let own = own.gateways.linkora;
        assert!(own.auth_token.is_some_and(|token| token.is("a!@#$%^&*b")));
        let listen: Vec<String> = own.listen.iter().map(ToString::to_string).collect();
        assert_eq!(listen, ["0.0.0.0:45455", "0.0.0.0:54545"]);
    }

    #[test]
    fn the_root_key_has_a_short_name_and_is_never_printed() {
        let config = load(&[(ROOT_KEY, "sk_abc")]);
        assert!(config.gateways.simple_sync.root_key.as_ref().is_some_and(|key| key.is("sk_abc")));
        assert!(!config.print().contains("sk_abc"));
    }

    #[test]
    fn the_hubs_own_variables_stand_over_them_and_no_token_is_printed() {
        let config = load(&[
            (HOST, "10.0.0.1"),
            (TOKEN, "s3cr3t"),
            ("SYNCLINE_GATEWAYS__LINKORA__LISTEN", "127.0.0.1:1"),
        ]);
        assert_eq!(config.gateways.linkora.listen, ["127.0.0.1:1".parse().unwrap()]);
        assert!(!config.print().contains("s3cr3t"));
        assert!(Config::default().gateways.linkora.listen.is_empty());
    }
}
