//! Processes under measurement: start, wait until they listen, what they use, stop.
//!
//! Reads Linux' `/proc`; elsewhere the figures of use are missing, never invented.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::target::Failure;

/// Ticks of processor time in a second: what Linux tells user space, whatever its own timer does.
const TICKS: f64 = 100.0;
/// A server has so long to listen after its start.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A server in a process of its own; it goes when this does.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    id: u32,
}

impl Server {
    /// Starts a program whose output nobody reads but for its errors, which go to `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self, Failure> {
        let errors = fs::File::create(log)?;
        command.stdin(Stdio::null()).stdout(errors.try_clone()?).stderr(errors);
        let child = command.kill_on_drop(true).spawn()?;
        let id = child.id().ok_or_else(|| Failure::new("it ended at once"))?;
        Ok(Self { child, id })
    }

    /// Waits until the address takes connections.
    pub(crate) async fn listens(&mut self, address: SocketAddr) -> Result<(), Failure> {
        let until = Instant::now() + START_WITHIN;
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(Failure::new(format!("it ended with {status}")));
            }
            if Instant::now() > until {
                return Err(Failure::new("it does not listen"));
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Kills the process and waits for its end.
    pub(crate) async fn stop(mut self) {
        // One that has ended by itself is as good.
        let _ = self.child.kill().await;
    }
}

/// A port of the loopback address that nothing holds now.
pub(crate) fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// What processes have used since they began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Use {
    /// Seconds of processor time.
    pub(crate) cpu_s: f64,
    /// Bytes of memory that are resident now.
    pub(crate) resident: u64,
    /// Bytes of memory that were resident at most.
    pub(crate) resident_peak: u64,
    /// Bytes handed to the disk.
    pub(crate) written: u64,
}

impl Use {
    /// What these processes have used, children not counted.
    pub(crate) fn of(processes: &[u32]) -> Self {
        let each = processes.iter().map(|id| Self::of_one(&format!("/proc/{id}")));
        each.fold(Self::default(), |sum, one| Self {
            cpu_s: sum.cpu_s + one.cpu_s,
            resident: sum.resident + one.resident,
            resident_peak: sum.resident_peak + one.resident_peak,
            written: sum.written + one.written,
        })
    }

    /// What this program has used.
    pub(crate) fn own() -> Self {
        Self::of_one("/proc/self")
    }

    fn of_one(folder: &str) -> Self {
        let read = |name| fs::read_to_string(format!("{folder}/{name}")).unwrap_or_default();
        let (stat, status, io) = (read("stat"), read("status"), read("io"));
        // The second column may hold blanks; those after its bracket do not.
        let columns: Vec<&str> =
            stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| columns.get(index).and_then(|it| it.parse().ok()).unwrap_or(0.0);
        Self {
            cpu_s: (ticks(11) + ticks(12)) / TICKS,
            resident: named(&status, "VmRSS:") * 1024,
            resident_peak: named(&status, "VmHWM:") * 1024,
            written: named(&io, "write_bytes:"),
        }
    }
}

/// Bytes that the loopback interface has carried.
pub(crate) fn loopback_bytes() -> u64 {
    let text = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix("lo:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn named(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_uses_something() {
        let held = vec![1_u8; 1 << 20];
        let used = Use::of(&[std::process::id()]);
        assert!(used.resident >= held.len() as u64 && used.resident_peak >= used.resident);
    }
}
