//! How a database may be set up, as docs/operating.md has it.

use std::sync::Arc;
use std::thread;

use bulkhead::clock::Clock;
use bulkhead::store::postgres::PostgresStore;
use bulkhead::store::{Store, StoreError};
use bulkhead::tenants::Profile;
use bulkhead_postgres::{Cluster, Settings};

use crate::ground::{AMPLE, CONNECTIONS, FINISHED, Ground, LEASE, credential, job, making};
use crate::hosts::recovered;
use crate::lost_answers::cut_off_a_commit;

fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(PostgresStore::open(&url.parse().expect("it is a URL"), CONNECTIONS, Clock::system())?))
}

/// A job from its beginning to its end, and what else a server does all the time.
fn serve(store: &dyn Store) {
    store.check().unwrap();
    let tenant = store.add_tenant("acme", &Profile::default(), &credential("acme")).unwrap().expect("the name is free");
    let new = job(tenant, &[1]);
    store.submit_job(&new, &AMPLE).unwrap();
    let claim = store.claim(LEASE).unwrap().unwrap();
    store.renew_claims(&[claim.id()], LEASE).unwrap();
    store.append_job_log(&claim, "text", 100).unwrap();
    assert_eq!(store.commit(&claim, &making(0, &["a@x"]), LEASE).unwrap(), FINISHED);
    assert!(store.index_next(std::time::Duration::ZERO).unwrap());
    assert!(store.delete_job(tenant, new.id).unwrap());
    store.sweep().unwrap();
}

/// So that whatever shards by tenant can take the tables that grow. The others are what `docs/operating.md` keeps everywhere.
pub(crate) fn every_key_begins_with_the_tenant(ground: &Ground) {
    const OTHERS: &str = "
        SELECT string_agg(DISTINCT indrelid::regclass::text, ' ' ORDER BY indrelid::regclass::text)
        FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
        JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
        WHERE indisunique AND relnamespace = 'public'::regnamespace AND attname <> 'tenant'";
    let (cluster, name) = ground.database();
    assert_eq!(cluster.query(name, OTHERS), "components pulse tenants tokens");
}

pub(crate) fn a_role_that_cannot_create_serves_what_is_there(ground: &Ground) {
    let (cluster, name) = ground.database();
    let role = format!("{name}_server");
    cluster.query(name, &format!("CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC"));
    let grant = format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}");
    cluster.query(name, &grant);
    let as_role = |database: &str| cluster.url(database).replacen("//bulkhead@", &format!("//{role}@"), 1);
    serve(&*open(&as_role(name)).unwrap());
    // It has nobody make it a schema.
    let empty = cluster.fresh_database();
    cluster.query(&empty, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let error = open(&as_role(&empty)).err().expect("there is none");
    assert!(error.to_string().contains("permission denied for schema public"), "{error}");
}

pub(crate) fn a_schema_each_makes_two_services(ground: &Ground) {
    let (cluster, _) = ground.database();
    let name = cluster.fresh_database();
    cluster.query(&name, "CREATE SCHEMA one; CREATE SCHEMA two");
    let in_schema = |schema: &str| format!("{}?options=-csearch_path%3D{schema}", cluster.url(&name));
    for schema in ["one", "two"] {
        let store = open(&in_schema(schema)).unwrap();
        assert!(store.tenants().unwrap().is_empty(), "{schema} shows what is another's");
        serve(&*store);
    }
    for schema in ["one", "two"] {
        assert_eq!(open(&in_schema(schema)).unwrap().tenants().unwrap().len(), 1);
        assert_eq!(cluster.query(&name, &format!("SELECT count(*) FROM {schema}.contacts")), "1");
    }
    assert_eq!(cluster.query(&name, "SELECT to_regclass('public.bulkhead_schema') IS NULL"), "t");
    let error = open(&in_schema("three")).err().expect("there is no such schema");
    assert!(error.to_string().contains("no schema has been selected"), "{error}");
}

pub(crate) fn another_encoding_is_refused(ground: &Ground) {
    let (cluster, name) = ground.database();
    let latin = format!("{name}_latin");
    cluster.query("postgres", &format!("CREATE DATABASE {latin} ENCODING 'LATIN1' TEMPLATE template0"));
    let error = open(&cluster.url(&latin)).err().expect("it is no Unicode");
    assert!(error.to_string().contains("is encoded in LATIN1; make one with ENCODING 'UTF8'"), "{error}");
    assert_eq!(cluster.query(&latin, "SELECT to_regclass('bulkhead_schema') IS NULL"), "t");
}

/// Seen by a commit that waits for a standby, which it only does if it waits for the disk as well.
pub(crate) fn a_commit_waits_for_the_disk_whatever_the_database_says(_: &Ground) {
    let waiting = Settings::default().with("synchronous_standby_names", "nobody").with("synchronous_commit", "local");
    let ground = Ground::alone_with(&waiting);
    let (cluster, name) = ground.database();
    cluster.query("postgres", &format!("ALTER DATABASE {name} SET synchronous_commit = off"));
    ground.cut("true");
    assert_eq!(cluster.query(name, "SHOW synchronous_commit"), "off");
    let told = thread::scope(|scope| {
        let adding = scope.spawn(|| ground.store.add_tenant("acme", &Profile::default(), &credential("acme")));
        cut_off_a_commit(&ground);
        adding.join().unwrap()
    });
    assert!(matches!(told, Err(StoreError::Unsure(_))), "{told:?}");
    assert!(recovered(|| ground.store.tenant("acme")).is_some());
}

pub(crate) fn the_host_that_takes_writes_is_found(_: &Ground) {
    let clusters = [Cluster::start(), Cluster::start()];
    let [first, second] = clusters.each_ref().map(Cluster::fresh_database);
    assert_eq!(first, second, "a URL names one database");
    let hosts = clusters.each_ref().map(|cluster| format!("127.0.0.1:{}", cluster.port())).join(",");
    let user = clusters[0].url(&first);
    let (user, _) = user.split_once('@').expect("it names its user");
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
