//! How a database may be set up, as docs/operating.md has it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bulkhead::clock::Clock;
use bulkhead::store::postgres::PostgresStore;
use bulkhead::store::{Opening, Store, StoreError};
use bulkhead::tenants::Profile;
use bulkhead_postgres::{Cluster, Settings};

use crate::fixture::{AMPLE_LIMITS, CONNECTIONS, FINISHED, LEASE, StoreFixture, creating, credential, new_job};
use crate::lost_answers::cut_off_a_commit;
use crate::several_servers::{EVENT_TIMEOUT, recovered};

fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(PostgresStore::open(
        &url.parse().expect("the URL is valid"),
        CONNECTIONS,
        Clock::system(),
        Opening::Server,
    )?))
}

/// Runs a job from submission to deletion, with everything else that a server does.
fn serve(store: &dyn Store) {
    store.check().unwrap();
    let tenant = store.add_tenant("acme", &Profile::default(), &credential("acme")).unwrap().expect("the name is free");
    let new = new_job(tenant, &[1]);
    store.submit_job(&new, &AMPLE_LIMITS).unwrap();
    let claim = store.claim(LEASE, &[]).unwrap().unwrap();
    store.renew_claims(&[claim.id()], LEASE).unwrap();
    store.append_job_log(&claim, "text", 100).unwrap();
    assert_eq!(store.commit(&claim, &creating(0, &["a@x"]), LEASE).unwrap(), FINISHED);
    // The clock by which a batch is due may lag behind the one that dated it.
    let deadline = Instant::now() + EVENT_TIMEOUT;
    while !store.index_next(Duration::ZERO).unwrap() {
        assert!(Instant::now() < deadline, "the batch is never due");
    }
    assert!(store.delete_job(tenant, new.id).unwrap());
    store.sweep().unwrap();
}

/// Extensions that shard by tenant can distribute the tables that grow. `docs/operating.md` names the other tables.
pub(crate) fn every_key_begins_with_the_tenant(fixture: &StoreFixture) {
    const OTHERS: &str = "
        SELECT string_agg(DISTINCT indrelid::regclass::text, ' ' ORDER BY indrelid::regclass::text)
        FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
        JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
        WHERE indisunique AND relnamespace = 'public'::regnamespace AND attname <> 'tenant'";
    let (cluster, name) = fixture.database();
    assert_eq!(
        cluster.query(name, OTHERS),
        "audit components console_sessions pulse secrets tenants token_families tokens"
    );
}

pub(crate) fn a_role_without_create_can_serve(fixture: &StoreFixture) {
    let (cluster, name) = fixture.database();
    let role = format!("{name}_server");
    cluster.query(name, &format!("CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC"));
    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}");
    cluster.query(name, &grant);
    let as_role = |database: &str| cluster.url(database).replacen("//bulkhead@", &format!("//{role}@"), 1);
    serve(&*open(&as_role(name)).unwrap());
    // Without a schema, the role cannot create one.
    let empty = cluster.fresh_database();
    cluster.query(&empty, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let error = open(&as_role(&empty)).err().expect("there is no schema");
    assert!(error.to_string().contains("permission denied for schema public"), "{error}");
}

/// Databases that were set up before `bulkhead_now` was introduced do not have it.
pub(crate) fn a_database_without_the_clock_function_gets_it(fixture: &StoreFixture) {
    let (cluster, name) = fixture.database();
    cluster.query(name, "DROP FUNCTION bulkhead_now(bigint)");
    serve(&*open(&cluster.url(name)).unwrap());
}

/// Statistics show how many rows the heartbeat read by the indexes of `jobs`, among thousands of unfinished jobs.
pub(crate) fn a_heartbeat_reads_no_jobs_of_others(fixture: &StoreFixture) {
    const READ: &str = "SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'jobs'";
    const CONNECTED: &str = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
        AND pid <> pg_backend_pid() AND datname = current_database()";
    let (cluster, _) = fixture.database();
    let name = cluster.fresh_database();
    let store = open(&cluster.url(&name)).unwrap();
    let tenant = store.add_tenant("acme", &Profile::default(), &credential("acme")).unwrap().expect("the name is free");
    store.submit_job(&new_job(tenant, &[1]), &AMPLE_LIMITS).unwrap();
    let claim = store.claim(LEASE, &[]).unwrap().unwrap();
    drop(store);
    let others = "
        INSERT INTO jobs (tenant, id, sequence, operation, state, processor, profile, retention, total, waiting_bytes,
                          created_at, expires_at)
        SELECT 1000 + n % 100, gen_random_uuid(), n, operation, state, processor, profile, retention, total,
               waiting_bytes, created_at, expires_at
        FROM jobs, generate_series(1, 5000) AS n";
    cluster.query(&name, others);
    cluster.query(&name, "ANALYZE jobs");
    let wait_for_disconnect = || {
        let started = Instant::now();
        while cluster.query(&name, CONNECTED) != "0" {
            assert!(started.elapsed() < EVENT_TIMEOUT, "connections stay");
            thread::sleep(Duration::from_millis(10));
        }
    };
    wait_for_disconnect();
    cluster.query(&name, "SELECT pg_stat_reset()");
    let store = open(&cluster.url(&name)).unwrap();
    store.renew_claims(&[claim.id()], LEASE).unwrap();
    drop(store);
    wait_for_disconnect();
    let read: i64 = cluster.query(&name, READ).parse().unwrap();
    assert!((1..100).contains(&read), "{read} rows");
}

pub(crate) fn two_schemas_are_two_services(fixture: &StoreFixture) {
    let (cluster, _) = fixture.database();
    let name = cluster.fresh_database();
    cluster.query(&name, "CREATE SCHEMA one; CREATE SCHEMA two");
    let in_schema = |schema: &str| format!("{}?options=-csearch_path%3D{schema}", cluster.url(&name));
    for schema in ["one", "two"] {
        let store = open(&in_schema(schema)).unwrap();
        assert!(store.tenants().unwrap().is_empty(), "{schema} shows another service's tenant");
        serve(&*store);
    }
    for schema in ["one", "two"] {
        assert_eq!(open(&in_schema(schema)).unwrap().tenants().unwrap().len(), 1);
        assert_eq!(cluster.query(&name, &format!("SELECT count(*) FROM {schema}.contacts")), "1");
    }
    assert_eq!(cluster.query(&name, "SELECT to_regclass('public.bulkhead_schema') IS NULL"), "t");
    let error = open(&in_schema("three")).err().expect("the schema does not exist");
    assert!(error.to_string().contains("no schema has been selected"), "{error}");
}

pub(crate) fn a_database_that_is_not_utf8_is_refused(fixture: &StoreFixture) {
    let (cluster, name) = fixture.database();
    let latin = format!("{name}_latin");
    cluster.query("postgres", &format!("CREATE DATABASE {latin} ENCODING 'LATIN1' TEMPLATE template0"));
    let error = open(&cluster.url(&latin)).err().expect("the encoding is not UTF-8");
    assert!(error.to_string().contains("is encoded in LATIN1; make one with ENCODING 'UTF8'"), "{error}");
    assert_eq!(cluster.query(&latin, "SELECT to_regclass('bulkhead_schema') IS NULL"), "t");
}

/// A commit waits for a standby only if it waits for the disk as well, so the test looks for the former.
pub(crate) fn a_commit_waits_for_the_disk_despite_the_database_settings(_: &StoreFixture) {
    let waiting = Settings::default().with("synchronous_standby_names", "nobody").with("synchronous_commit", "local");
    let fixture = StoreFixture::own_cluster_with(&waiting);
    let (cluster, name) = fixture.database();
    cluster.query("postgres", &format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    fixture.cut_connections("true");
    assert_eq!(cluster.query(name, "SHOW synchronous_commit"), "off");
    let outcome = thread::scope(|scope| {
        let adding = scope.spawn(|| fixture.store.add_tenant("acme", &Profile::default(), &credential("acme")));
        cut_off_a_commit(&fixture);
        adding.join().unwrap()
    });
    assert!(matches!(outcome, Err(StoreError::Unsure(_))), "{outcome:?}");
    assert!(recovered(|| fixture.store.tenant("acme")).is_some());
}

pub(crate) fn the_host_that_takes_writes_is_found(_: &StoreFixture) {
    let clusters = [Cluster::start(), Cluster::start()];
    let [first, second] = clusters.each_ref().map(Cluster::fresh_database);
    assert_eq!(first, second, "a URL names one database");
    let hosts = clusters.each_ref().map(|cluster| format!("127.0.0.1:{}", cluster.port())).join(",");
    let user = clusters[0].url(&first);
    let (user, _) = user.split_once('@').expect("the URL has a user");
    let url = format!("{user}@{hosts}/{first}?target_session_attrs=read-write");
    for (reads, writes) in [(0, 1), (1, 0)] {
        let set = |number: usize, value: &str| {
            clusters[number]
                .query("postgres", &format!("ALTER DATABASE {first} SET default_transaction_read_only = {value}"));
        };
        set(reads, "on");
        set(writes, "off");
        let store = open(&url).unwrap();
        store.check().unwrap();
        assert_eq!(clusters[writes].query(&first, "SELECT count(*) FROM pulse"), "1");
    }
}
