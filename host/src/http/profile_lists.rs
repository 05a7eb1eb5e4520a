//! `GET /api/contacts/list/owners`, `GET /api/stages`, `GET /api/companies`, `GET /api/users/self`: what contacts may refer to, as
//! the tenant's profile lists it, and who calls.

use hyper::StatusCode;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::entity_list::{EntityQuery, Origin};
use super::problem::Problem;
use super::reply::{Reply, json};
use super::route::ProfileList;
use crate::store::Tenant;
use crate::tenants::{Named, Owner};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnerBody<'a> {
    id: u64,
    first_name: &'a str,
    last_name: &'a str,
}

impl<'a> OwnerBody<'a> {
    fn of(owner: &'a Owner) -> Self {
        Self { id: owner.id, first_name: &owner.first_name, last_name: &owner.last_name }
    }
}

#[derive(Serialize)]
struct StagesBody<'a> {
    total: usize,
    stages: Vec<StageBody<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StageBody<'a> {
    id: u64,
    is_published: bool,
    #[serde(flatten)]
    origin: Origin,
    name: &'a str,
    category: (),
    description: (),
    weight: u32,
    publish_up: (),
    publish_down: (),
}

/// The total is a string and the companies are an object, as for contacts.
#[derive(Serialize)]
struct CompaniesBody<'a> {
    total: String,
    companies: CompaniesById<'a>,
}

struct CompaniesById<'a>(Vec<&'a Named>);

impl Serialize for CompaniesById<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.0.len()))?;
        self.0
            .iter()
            .try_for_each(|company| object.serialize_entry(&company.id.to_string(), &CompanyBody::of(company)))?;
        object.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CompanyBody<'a> {
    is_published: bool,
    #[serde(flatten)]
    origin: Origin,
    id: u64,
    score: u32,
    fields: CompanyFields<'a>,
}

/// A company has a name and nothing else. Groups without fields are lists, as PHP writes them.
#[derive(Serialize)]
struct CompanyFields<'a> {
    core: CompanyCore<'a>,
    professional: [(); 0],
    other: [(); 0],
    all: CompanyValues<'a>,
}

#[derive(Serialize)]
struct CompanyCore<'a> {
    companyname: CompanyName<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CompanyName<'a> {
    id: u32,
    label: &'static str,
    alias: &'static str,
    r#type: &'static str,
    group: &'static str,
    object: &'static str,
    value: &'a str,
    normalized_value: &'a str,
}

#[derive(Serialize)]
struct CompanyValues<'a> {
    id: u64,
    companyname: &'a str,
}

impl<'a> CompanyBody<'a> {
    fn of(company: &'a Named) -> Self {
        let &Named { id, ref name } = company;
        let companyname = CompanyName {
            id: 1,
            label: "Company Name",
            alias: "companyname",
            r#type: "text",
            group: "core",
            object: "company",
            value: name,
            normalized_value: name,
        };
        let fields = CompanyFields {
            core: CompanyCore { companyname },
            professional: [],
            other: [],
            all: CompanyValues { id, companyname: name },
        };
        Self { is_published: true, origin: Origin::default(), id, score: 0, fields }
    }
}

/// The user that Mautic would know by the credentials. Here that is a tenant, which owns no contacts, so its id is nobody's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallerBody<'a> {
    is_published: bool,
    #[serde(flatten)]
    origin: Origin,
    id: u64,
    username: &'a str,
    first_name: &'a str,
    last_name: &'static str,
    email: (),
    position: (),
    role: RoleBody,
    timezone: (),
    locale: (),
    last_login: (),
    last_active: (),
    signature: (),
}

/// What a tenant's credentials allow: everything.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleBody {
    is_published: bool,
    id: u32,
    name: &'static str,
    description: (),
    is_admin: bool,
}

/// Answers from the tenant's profile; blocks.
pub(super) fn answer(tenant: &Tenant, list: ProfileList, query: &EntityQuery) -> Result<Reply, Problem> {
    let profile = tenant.profile.profile().map_err(|error| Problem::panicked(error))?;
    Ok(match list {
        ProfileList::Owners => {
            let owners: Vec<OwnerBody<'_>> =
                query.whole(&profile.owners, |owner| owner.id).into_iter().map(OwnerBody::of).collect();
            json(StatusCode::OK, &owners)
        }
        ProfileList::Stages => {
            let stages = query.page(&profile.stages, |stage| stage.id).into_iter().map(StageBody::of).collect();
            json(StatusCode::OK, &StagesBody { total: profile.stages.len(), stages })
        }
        ProfileList::Companies => {
            let companies = query.page(&profile.companies, |company| company.id);
            let total = profile.companies.len().to_string();
            json(StatusCode::OK, &CompaniesBody { total, companies: CompaniesById(companies) })
        }
        ProfileList::Caller => json(StatusCode::OK, &CallerBody::of(&tenant.name)),
    })
}

impl<'a> StageBody<'a> {
    fn of(stage: &'a Named) -> Self {
        Self {
            id: stage.id,
            is_published: true,
            origin: Origin::default(),
            name: &stage.name,
            category: (),
            description: (),
            weight: 0,
            publish_up: (),
            publish_down: (),
        }
    }
}

impl<'a> CallerBody<'a> {
    fn of(name: &'a str) -> Self {
        let role = RoleBody { is_published: true, id: 1, name: "API", description: (), is_admin: true };
        Self {
            is_published: true,
            origin: Origin::default(),
            id: 0,
            username: name,
            first_name: name,
            last_name: "",
            email: (),
            position: (),
            role,
            timezone: (),
            locale: (),
            last_login: (),
            last_active: (),
            signature: (),
        }
    }
}
