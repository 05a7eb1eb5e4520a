//! `/admin/components`.

use hyper::StatusCode;
use serde::Serialize;

use crate::http::problem::Problem;
use crate::http::reply::{Reply, json};
use crate::operations::{ComponentView, Operations};

#[derive(Serialize)]
struct ComponentListBody {
    components: Vec<ComponentView>,
}

pub(super) fn list(operations: &Operations) -> Result<Reply, Problem> {
    let components = operations.components()?.into_iter().map(ComponentView::from).collect();
    Ok(json(StatusCode::OK, &ComponentListBody { components }))
}

/// Registers a component. It takes the name from another component with `move_name`.
pub(super) fn add(
    operations: &Operations,
    bytes: &[u8],
    name: Option<&str>,
    move_name: bool,
) -> Result<Reply, Problem> {
    let added = operations.add_component(bytes, name, move_name)?;
    let status = if added.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &ComponentView::from(added.record)))
}

pub(super) fn show(operations: &Operations, reference: &str) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &ComponentView::from(operations.component(reference)?)))
}

pub(super) fn remove(operations: &Operations, reference: &str) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &ComponentView::from(operations.remove_component(reference)?)))
}
