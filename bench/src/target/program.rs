//! Finds the programs of peers on this machine, and asks them for their version. It installs
//! nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Failure, Site};
use crate::process::{Server, free_address};

/// Where `make bench-peers` puts what Node runs, beside this crate's sources.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

/// What a missing Node needs.
const NODE: &str = "apt-get install nodejs npm (Node 20 or later), then make bench-peers";

/// A program: first where `make bench-peers` puts it, beside the built programs, then on the path.
/// Servers often lie where only the superuser's path leads.
pub(super) fn program(name: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().unwrap_or_default();
    let target = own.parent().and_then(Path::parent).map(|target| target.join("peers/bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let folders = target.into_iter().chain(std::env::split_paths(&path)).chain(more);
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The program, or how to install it.
pub(super) fn found(name: &str, how: &str) -> Result<PathBuf, String> {
    program(name).ok_or_else(|| format!("{name} is not on the path: {how}"))
}

/// The first line of what a program says of itself.
pub(super) fn said(program: &Path, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().lines().next().unwrap_or_default().trim().to_owned()
}

/// The folder of a peer that Node runs, when its packages are there and Node is.
pub(super) fn node_peer(name: &str) -> Result<PathBuf, String> {
    program("node").ok_or_else(|| format!("node is not on the path: {NODE}"))?;
    let folder = Path::new(PEERS).join(name);
    if folder.join("node_modules").is_dir() {
        return Ok(folder);
    }
    Err(format!("its packages are not there: npm ci --prefix bench/peers/{name}"))
}

/// Starts the server of a peer that Node runs; says its folder and where it listens.
pub(super) async fn start_node(
    name: &str,
    site: &Site,
) -> Result<(PathBuf, Server, SocketAddr), Failure> {
    let folder = node_peer(name).map_err(Failure::new)?;
    let (address, data) = (free_address()?, site.folder.path());
    let node = program("node").ok_or_else(|| Failure::new(NODE))?;
    let mut command = tokio::process::Command::new(node);
    command.arg(folder.join("server.mjs")).arg(address.port().to_string()).arg(data);
    let mut server = Server::start(command, &data.join("log"))?;
    server.listens(address).await?;
    Ok((folder, server, address))
}

/// The version of a package that Node runs, and Node's.
pub(super) fn node_version(folder: &Path, package: &str) -> String {
    let file = folder.join("node_modules").join(package).join("package.json");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let version = json["version"].as_str().unwrap_or("unknown").to_owned();
    let node = program("node").map(|node| said(&node, "--version")).unwrap_or_default();
    format!("{package} {version}, node {node}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_and_asked() {
        let cat = program("cat").expect("every Linux has cat");
        assert!(said(&cat, "--version").contains("cat"));
        let missing = found("no-such-server", "build it").unwrap_err();
        assert!(missing.ends_with("build it"), "{missing}");
    }
}
