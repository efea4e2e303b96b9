//! What every request goes through before the schema sees it, however it came.

use async_graphql::parser::types::{OperationDefinition, OperationType, VariableDefinition};
use async_graphql::{Request, ServerError, Value, Variables};
use interflow_domain::WorkspaceId;

use super::bounds;
use super::errors::server_error;
use crate::state::App;

/// Finds the document, refuses it when it is out of bounds or its variables are not given, and says what kind of
/// operation is meant.
pub fn ready(
    app: &App,
    workspace: WorkspaceId,
    request: &mut Request,
) -> Result<OperationType, Vec<ServerError>> {
    let promise = app.persisted.resolve(workspace, request).map_err(|refused| vec![refused])?;
    let given = request.variables.clone();
    let operation = bounds::check(request).map_err(|refused| vec![server_error(refused)])?;
    let missing = missing(operation, &given);
    if !missing.is_empty() {
        return Err(missing);
    }
    app.persisted.keep(promise);
    Ok(operation.ty)
}

/// The variables that must be given and are not: nothing is carried out without them.
fn missing(operation: &OperationDefinition, given: &Variables) -> Vec<ServerError> {
    let required =
        operation.variable_definitions.iter().map(|definition| &definition.node).filter(|definition| {
            let is_given = given.get(&definition.name.node).is_some_and(|value| *value != Value::Null);
            !definition.var_type.node.nullable && definition.default_value.is_none() && !is_given
        });
    let told = |definition: &VariableDefinition| {
        ServerError::new(
            format!("The variable '${}' must be given", definition.name.node),
            Some(definition.name.pos),
        )
    };
    required.map(told).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_that_must_be_given_are_missed() {
        let query = "query A($x: Int!, $y: Int! = 1, $z: Int) { a } query B { b }";
        let missing = |given: serde_json::Value, name: &str| {
            let given = Variables::from_json(given);
            let mut request = Request::new(query).operation_name(name);
            missing(bounds::check(&mut request).unwrap(), &given).len()
        };
        assert_eq!((missing(json!({}), "A"), missing(json!({"x": null}), "A")), (1, 1));
        assert_eq!((missing(json!({"x": 1}), "A"), missing(json!({}), "B")), (0, 0));
    }
}
