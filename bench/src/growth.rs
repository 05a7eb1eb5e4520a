//! Stores that have grown, one by the contacts of a tenant and one by tenants, against an empty store.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::deployment::{Deployment, Store};
use crate::server::{ADMIN_TOKEN, Counts, Times};
use crate::{Outcome, contacts, load, ratio, settings, show};

/// Contacts of the large tenant, unless `CONTACTS` says otherwise.
const CONTACTS: usize = 10_000_000;
/// Tenants of the store with many, unless `TENANTS` says otherwise.
const TENANTS: usize = 10_000;
/// Contacts of each of them: as many as one call may create.
const OF_EACH: usize = 100;
/// Jobs on each side.
const JOB_ROUNDS: usize = 9;
/// Calls of each list.
const LIST_ROUNDS: usize = 21;
/// For how long idle servers are watched, in which each sweeps once, unless `SECONDS` says otherwise.
const IDLE: Duration = Duration::from_secs(60);
/// The limits of the large tenant.
const LIMITS: &str = r#"{"jobsPerMinute": 1000000, "storedContacts": 1000000000, "storedMiB": 67108864}"#;
/// The lists and their paths.
const LISTS: [(&str, &str); 7] = [
    ("the last active", "/api/contacts"),
    ("the number of all", "/api/contacts?limit=1&orderBy=id"),
    ("a page of 100 by change", "/api/contacts?orderBy=date_modified&orderByDir=desc&limit=100"),
    (
        "the same since 1971",
        "/api/contacts?orderBy=date_modified&orderByDir=desc&limit=100&where%5B0%5D%5Bcol%5D=dateModified&where%5B0%5D%5Bexpr%5D=gte&where%5B0%5D%5Bval%5D=1971-01-01%2000:00:00",
    ),
    ("a word that all have", "/api/contacts?search=germany"),
    ("two words that all have", "/api/contacts?search=germany+holding"),
    ("a word that three have", "/api/contacts?search=quetzalcoatl"),
];

/// Measures growth on both stores, or on that of `STORE`.
pub(crate) fn growth(items: &[String]) -> Outcome<()> {
    let (contacts, tenants) = (settings::number("CONTACTS", CONTACTS)?, settings::number("TENANTS", TENANTS)?);
    for store in settings::stores()? {
        println!(
            "\n(r) growth on {}: medians (minimum) in ms, on an empty store and on one that has grown",
            store.name()
        );
        let mut empty = Side::start(store, items, 1, false)?;
        if contacts > 0 {
            let started = Instant::now();
            let mut large = Side::start(store, items, contacts.div_ceil(contacts::COUNT), true)?;
            let stored = contacts.next_multiple_of(contacts::COUNT);
            large.print(&format!("{stored} contacts of one tenant, by jobs"), started.elapsed(), stored)?;
            compare(&mut empty, &mut large)?;
        }
        if tenants > 0 {
            let started = Instant::now();
            let mut many = Side::start(store, items, 1, false)?;
            many.add_tenants(tenants)?;
            let stored = tenants * OF_EACH + contacts::COUNT;
            many.print(&format!("{tenants} tenants of {OF_EACH} contacts, by calls"), started.elapsed(), stored)?;
            compare(&mut empty, &mut many)?;
        }
    }
    Ok(())
}

/// A store, with the tenant whose lists are timed.
struct Side<'a> {
    deployment: Deployment,
    items: &'a [String],
    token: String,
    /// Whether further jobs are that tenant's. Otherwise each is of a new tenant.
    has_one_tenant: bool,
    jobs: usize,
}

impl<'a> Side<'a> {
    /// Starts a server, and sends the jobs of a tenant, and three contacts with a rare name.
    fn start(store: Store, items: &'a [String], jobs: usize, has_one_tenant: bool) -> Outcome<Self> {
        let deployment = Deployment::start(store, &["--admin-listen", "127.0.0.1:0", "--admin-token", ADMIN_TOKEN])?;
        let server = &deployment.server;
        let token = server.tenant("listed");
        server.limit("listed", LIMITS)?;
        load::fill(server, std::slice::from_ref(&token), items, jobs)?;
        let rare =
            [1, 2, 3].map(|number| json!({"lastname": "Quetzalcoatl", "email": format!("q{number}@example.com")}));
        let (status, answer) = server.call(&token, "/api/contacts/batch/new", json!(rare).to_string().as_bytes())?;
        if status != 201 {
            return Err(answer.to_string().into());
        }
        Ok(Self { deployment, items, token, has_one_tenant, jobs: 0 })
    }

    /// Adds tenants with contacts that lists have.
    fn add_tenants(&self, count: usize) -> Outcome<()> {
        let server = &self.deployment.server;
        let body = contacts::body(self.items.get(..OF_EACH).unwrap_or_default());
        for number in 0..count {
            let token = server.tenant_over_http(&format!("t{number}"))?;
            let (status, answer) = server.call(&token, "/api/contacts/batch/new", &body)?;
            if status != 201 {
                return Err(answer.to_string().into());
            }
            assert_eq!(server.total(&token)?, OF_EACH, "contacts of tenant {number}");
        }
        Ok(())
    }

    /// Prints what the store has and what it takes.
    fn print(&self, what: &str, time: Duration, contacts: usize) -> Outcome<()> {
        let bytes = self.deployment.disk_bytes()? as f64;
        println!(
            "    {what} through the API in {:.0} s: {:.2} GB on disk, {:.0} bytes a contact; server memory at its peak {} MiB",
            time.as_secs_f64(),
            bytes / 1e9,
            bytes / contacts as f64,
            self.deployment.server.peak_memory()
        );
        Ok(())
    }

    /// Sends a job of new contacts.
    fn job(&mut self) -> Outcome<Times> {
        self.jobs += 1;
        let (number, server) = (self.jobs, &self.deployment.server);
        let token = if self.has_one_tenant { self.token.clone() } else { server.tenant(&format!("new{number}")) };
        let address = format!(":\"n{number}-firstname");
        let renamed: Vec<String> = self.items.iter().map(|item| item.replace(":\"firstname", &address)).collect();
        let created = Counts { created: contacts::COUNT as u64, updated: 0, failed: 0 };
        server.run_job(&token, &contacts::body(&renamed), created)
    }

    fn list(&self, path: &str, times: &mut Vec<Duration>) -> Outcome<Option<String>> {
        let started = Instant::now();
        let answer = self.deployment.server.get(&self.token, path)?;
        times.push(started.elapsed());
        Ok(answer.get("total").is_none().then(|| answer.to_string()))
    }

    fn cpu(&self) -> Outcome<f64> {
        Ok(self.deployment.servers_cpu()? + self.deployment.database_cpu()?)
    }
}

/// Measures idle servers, jobs and lists, each side in turn.
fn compare(empty: &mut Side<'_>, grown: &mut Side<'_>) -> Outcome<()> {
    let before = [empty.cpu()?, grown.cpu()?];
    let time = settings::time(IDLE)?;
    thread::sleep(time);
    let idle = [empty.cpu()? - before[0], grown.cpu()? - before[1]];
    let [little, much] = idle.map(|seconds| seconds / time.as_secs_f64() * 1e3);
    println!("        CPU of a second in which the server is idle, its store included: {little:.1} and {much:.1} ms");
    let mut jobs = [Vec::new(), Vec::new()];
    for _ in 0..JOB_ROUNDS {
        jobs[0].push(empty.job()?);
        jobs[1].push(grown.job()?);
    }
    let of = |which: fn(&Times) -> Duration| jobs.each_ref().map(|jobs| jobs.iter().map(which).collect::<Vec<_>>());
    print("a job of 10,000 contacts, until it is completed", &of(|times| times.completed));
    print("and until lists have them", &of(|times| times.completed + times.listed));
    for (what, path) in LISTS {
        let mut times = [Vec::new(), Vec::new()];
        let mut error = None;
        for _ in 0..LIST_ROUNDS {
            error = empty.list(path, &mut times[0])?.or(error);
            error = grown.list(path, &mut times[1])?.or(error);
        }
        print(what, &times);
        if let Some(error) = error {
            println!("            an error: {}", error.chars().take(300).collect::<String>());
        }
    }
    Ok(())
}

fn print(what: &str, [empty, grown]: &[Vec<Duration>; 2]) {
    let longest = grown.iter().max().copied().unwrap_or_default().as_secs_f64() * 1e3;
    println!(
        "        {what:48} {} {}  ratio {:.2}; the longest {longest:.1}",
        show(empty),
        show(grown),
        ratio(grown, empty)
    );
}
