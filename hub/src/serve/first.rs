//! The first start: where the admin's token is kept, and what gateways made, and what to try. A
//! secret is shown to a terminal only; in a file that collects output it would be read by others
//! for years.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use super::ServeError;
use crate::gateway::FirstSecret;
use crate::hub::FirstToken;

/// Keeps the token, and gives what a person should read.
pub(super) fn begin(
    data: &Path,
    first: &FirstToken,
    token_file: &str,
) -> Result<String, ServeError> {
    let path = data.join(token_file);
    let token = first.0.reveal();
    let kept = keep(data, &path, &token);
    kept.map_err(|cause| ServeError::Token { path: path.clone(), cause })?;
    let shown = io::stdout().is_terminal().then_some(token);
    Ok(welcome(&path, shown.as_deref()))
}

/// Keeps a secret that a gateway made, and gives what a person should read.
pub(super) fn keep_secret(data: &Path, secret: &FirstSecret) -> Result<String, ServeError> {
    let path = data.join(&secret.file);
    let kept = keep(data, &path, &secret.secret);
    kept.map_err(|cause| ServeError::Token { path: path.clone(), cause })?;
    let shown = io::stdout().is_terminal().then(|| format!(", shown once: {}", secret.secret));
    Ok(format!(
        "\n{}{}\nIt is kept in {}, readable by you alone.\n",
        secret.what,
        shown.unwrap_or_default(),
        path.display()
    ))
}

/// Writes the token for its owner alone. What an earlier store left there opens nothing any more.
fn keep(data: &Path, path: &Path, token: &str) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    File::open(data)?.sync_all()
}

fn welcome(path: &Path, token: Option<&str>) -> String {
    let shown = token.map(|token| format!("The admin's token, shown once: {token}\n"));
    format!(
        "\nThis is the first start: there is an account `admin` now.\n{}\
         Its token is kept in {}, readable by you alone.\n\n\
         Three commands to try in another terminal:\n\
         \x20 syncline space create bookmarks\n\
         \x20 syncline put bookmarks links a title='A page'\n\
         \x20 syncline tail bookmarks\n",
        shown.unwrap_or_default(),
        path.display(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_kept_for_its_owner_alone_and_replaced() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("admin-token");
        keep(data.path(), &path, "one").unwrap();
        keep(data.path(), &path, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let nowhere = data.path().join("none");
        assert!(keep(&nowhere, &nowhere.join("admin-token"), "x").is_err());
    }

    #[test]
    fn only_a_terminal_sees_the_token() {
        let path = Path::new("data/admin-token");
        assert!(welcome(path, Some("sl_x")).contains("shown once: sl_x"));
        let piped = welcome(path, None);
        assert!(!piped.contains("sl_") && piped.contains("data/admin-token"));
        assert_eq!(piped.matches("  syncline ").count(), 3);
    }
}
