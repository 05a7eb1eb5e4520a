//! Machines of their own for servers, as far as the network is concerned: network namespaces, each with a cable to the
//! clients and a cable to the database that can be pulled. (Linux)
//!
//! Everything is done inside a namespace that the program enters first, so that nothing of the machine's own network is
//! touched; it goes with the processes in it. Root can do that, and where the system lets users make namespaces of their own,
//! everybody can.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use bulkhead_tests::bulkhead;

/// Says that the program is in its namespace.
const INSIDE: &str = "BULKHEAD_NETWORK_INSIDE";

/// What to do about a system that allows none of this.
const HELP: &str = "This test gives servers network namespaces, which this system does not allow. Run it as root (in a \
    container: with the capability SYS_ADMIN), or let users make them (Debian: sysctl kernel.unprivileged_userns_clone=1; \
    Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0). Where neither can be, BULKHEAD_NO_NAMESPACES=1 leaves \
    it out.";

/// Whether this process is in a network of its own. If it is not, the program is begun anew in one, with these arguments, and
/// has ended well when this returns `false`.
///
/// # Panics
/// If there can be none, with what to do about it; if the program failed in it.
pub(crate) fn enter(args: &[String]) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        ip(&["link", "set", "lo", "up"]);
        return true;
    }
    let mut unshare = Command::new("unshare");
    unshare.arg("--net");
    if !is_root() {
        unshare.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    let mut trial = Command::new("unshare");
    trial.args(unshare.get_args()).args(["ip", "link", "set", "lo", "up"]);
    let allowed = trial.output();
    assert!(allowed.as_ref().is_ok_and(|output| output.status.success()), "{HELP}\n{allowed:?}");
    let status = unshare
        .arg(std::env::current_exe().expect("this is a program"))
        .args(args)
        .env(INSIDE, "1")
        .status()
        .expect("unshare was there a moment ago");
    assert!(status.success(), "it failed in its network: {status}");
    false
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout == b"0\n")
}

/// A machine, gone when it is dropped.
pub(crate) struct Machine {
    /// Keeps the namespace, and ends when its input does.
    keeper: Child,
    /// This side of the cable to the database.
    cable: String,
    number: usize,
}

impl Machine {
    pub(crate) fn new(number: usize) -> Self {
        let mut keeper = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo; cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is unshare");
        let mut line = String::new();
        let stdout = keeper.stdout.take().expect("it was piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says that it is there");
        let machine = Self { keeper, cable: format!("data{number}"), number };
        machine.plug("call", 0);
        machine.plug("data", 1);
        machine
    }

    /// Lays a cable between here and there.
    fn plug(&self, name: &str, network: usize) {
        let (here, there) = (format!("{name}{}", self.number), format!("in-{name}"));
        let pid = self.keeper.id().to_string();
        ip(&["link", "add", &here, "type", "veth", "peer", "name", &there, "netns", &pid]);
        ip(&["addr", "add", &format!("{}/24", self.address(network, 1)), "dev", &here]);
        ip(&["link", "set", &here, "up"]);
        for args in [
            vec!["addr", "add", &format!("{}/24", self.address(network, 2)), "dev", &there],
            vec!["link", "set", &there, "up"],
            vec!["link", "set", "lo", "up"],
        ] {
            let done = self.inside("ip").args(args).output().expect("there is nsenter");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    }

    fn address(&self, network: usize, end: u8) -> String {
        format!("10.{}.{network}.{end}", 100 + self.number)
    }

    /// Where others call it.
    pub(crate) fn own_address(&self) -> String {
        self.address(0, 2)
    }

    /// Where it finds the database.
    pub(crate) fn database_address(&self) -> String {
        self.address(1, 1)
    }

    /// Where the database sees it.
    pub(crate) fn address_at_database(&self) -> String {
        self.address(1, 2)
    }

    /// A program that runs on it.
    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--net", "--target", &self.keeper.id().to_string(), "--", program]);
        command
    }

    /// `bulkhead` on it.
    pub(crate) fn bulkhead(&self) -> Command {
        let plain = bulkhead();
        let mut command = self.inside(&plain.get_program().to_string_lossy());
        for (name, _) in plain.get_envs() {
            command.env_remove(name);
        }
        command
    }

    /// Pulls the cable to the database, or plugs it in again.
    pub(crate) fn connect(&self, connected: bool) {
        ip(&["link", "set", &self.cable, if connected { "up" } else { "down" }]);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        self.keeper.wait().ok();
    }
}

fn ip(args: &[&str]) {
    let output = Command::new("ip").args(args).process_group(0).output().expect("there is the command ip (iproute2)");
    assert!(output.status.success(), "ip {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
