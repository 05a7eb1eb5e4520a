//! Network namespaces (Linux) that stand for machines: each has a cable to the clients and a cable to the database, which can
//! be pulled.
//!
//! The program first enters a namespace of its own, so that the machine's network is not touched. The namespace ends with the
//! processes in it. Root can do that, and every user where the system allows user namespaces.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// Environment variable of the program inside its namespace.
const INSIDE: &str = "BULKHEAD_NETWORK_INSIDE";

/// Advice for a system that allows no namespaces.
const HELP: &str = "This test gives servers network namespaces, which this system does not allow. Run it as root (in a \
    container: with the capability SYS_ADMIN), or let users make them (Debian: sysctl kernel.unprivileged_userns_clone=1; \
    Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0). Where neither can be, BULKHEAD_NO_NAMESPACES=1 leaves \
    it out.";

/// Returns whether this process is inside its namespace. Otherwise runs the program again inside one, with these arguments, and
/// returns `false` when it has succeeded.
///
/// # Panics
/// If the system allows no namespace, with advice; if the program fails inside it.
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

/// A machine; removed when it is dropped.
pub(crate) struct Machine {
    /// A process that keeps the namespace until its standard input ends.
    keeper: Child,
    /// The outer end of the cable to the database.
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

    /// Adds a cable between the machine and this process.
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
            let words = self.prefix();
            let done =
                Command::new(&words[0]).args(&words[1..]).arg("ip").args(args).output().expect("there is nsenter");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        }
    }

    fn address(&self, network: usize, end: u8) -> String {
        format!("10.{}.{network}.{end}", 100 + self.number)
    }

    /// Returns the address at which clients call the machine.
    pub(crate) fn own_address(&self) -> String {
        self.address(0, 2)
    }

    /// Returns the address at which the machine reaches the database.
    pub(crate) fn database_address(&self) -> String {
        self.address(1, 1)
    }

    /// Returns the address that the database sees.
    pub(crate) fn address_at_database(&self) -> String {
        self.address(1, 2)
    }

    /// Returns the words before a program that run it on the machine.
    pub(crate) fn prefix(&self) -> Vec<String> {
        ["nsenter", "--net", "--target", &self.keeper.id().to_string(), "--"].map(str::to_owned).to_vec()
    }

    /// Plugs the cable to the database in, or pulls it.
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
