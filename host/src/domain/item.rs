//! Items as clients send them. The host does not look into an item.

/// Consecutive items of one request: all of them, a stored chunk, or the batch of one call into a component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemList {
    /// Each a JSON text without line breaks.
    pub items: Vec<String>,
    /// The client's key of each item, if the request's body was an object.
    pub keys: Option<Vec<String>>,
}
