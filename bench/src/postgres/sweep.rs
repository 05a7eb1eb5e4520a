//! Jobs while a million expired rows are deleted from PostgreSQL.

use bulkhead_postgres::Cluster;

use crate::Outcome;
use crate::server::Server;
use crate::sweep::{self, JOBS, RESULTS};

/// Measures small jobs while nothing is expired, and while a million rows are deleted.
pub(crate) fn sweep(cluster: &Cluster) -> Outcome<()> {
    let database = cluster.fresh_database();
    let server = Server::start_on(&cluster.url(&database), &["--sweep-interval", "1"])?;
    let token = server.tenant("small");
    // Added before the measurement; the rows expire later.
    cluster.query(
        &database,
        &format!(
            "WITH filled AS (
               INSERT INTO jobs (tenant, id, sequence, operation, state, processor, profile, retention, total,
                                 waiting_bytes, created_at, finished_at, expires_at)
               SELECT 1, gen_random_uuid(), number, 'create', 'completed', '', '{{}}', 1, 2000, 0, 0, 0, {}
               FROM generate_series(1, {JOBS}) AS number RETURNING id
             )
             INSERT INTO results (tenant, job, first, count, rows)
             SELECT 1, id, part * 500, 500, decode(repeat('00', 200), 'hex')
             FROM filled, generate_series(0, {RESULTS} - 1) AS part",
            i64::MAX
        ),
    );
    let expire = || {
        cluster.query(&database, "UPDATE jobs SET expires_at = 0 WHERE processor = ''");
        Ok(())
    };
    let left = "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE expires_at = 0 LIMIT 1) AS rest";
    sweep::jobs_beside("(p)", &server, &token, expire, || Ok(cluster.query(&database, left) != "0"))
}
