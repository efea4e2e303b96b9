//! What a server needs before its first caller: the default workspace, and a key to it.

use interflow_application::log::{StreamId, Streamed};
use interflow_application::webhook::signing;
use interflow_application::{
    Actor, Context, Core, EnsureEnvironmentWebhook, EnsureWorkspace, Error, IssueKey, authenticate,
    workspace_id,
};
use interflow_domain::webhook::{Signing, WebhookUrl};
use interflow_domain::workspace::{HOME_SLUG, KeyOrigin, Plan, Scope, Workspace};
use interflow_domain::{DisplayName, WorkspaceSlug};

use crate::auth::generate_key;
use crate::config::Secret;

/// Where the admin key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminKey {
    /// It was made now, and is shown this once.
    Made(String),
    /// The operator gave it.
    Given,
    /// It was made, or given, at an earlier start.
    Earlier,
}

/// Makes the default workspace and its admin key, where they are missing.
pub async fn bootstrap(core: &Core, given: Option<&Secret>) -> Result<AdminKey, Error> {
    let context = ensure_workspace(core, valid(HOME_SLUG)?, Plan::Unlimited).await?;
    if let Some(given) = given {
        let secret = given.expose().trim();
        // It may be in force already: given at an earlier start, or made here and then written into the environment.
        let known = authenticate(core, secret).await?;
        if known.is_none_or(|key| key.workspace != context.workspace) {
            let key = admin_key("Administrator (environment)", secret, KeyOrigin::Environment)?;
            core.run(&context, &key).await?;
        }
        return Ok(AdminKey::Given);
    }
    let loaded = core.log.load(context.workspace, StreamId::Workspace(context.workspace)).await?;
    if Workspace::of(&loaded.state).is_some_and(|workspace| !workspace.keys().is_empty()) {
        return Ok(AdminKey::Earlier);
    }
    let secret = generate_key();
    core.run(&context, &admin_key("Administrator", &secret, KeyOrigin::Issued)?).await?;
    Ok(AdminKey::Made(secret))
}

/// Makes a workspace where it is missing; the circumstances of what the operator does in it.
pub async fn ensure_workspace(core: &Core, slug: WorkspaceSlug, plan: Plan) -> Result<Context, Error> {
    let request_id = format!("req_{}", core.ids.next().simple());
    let context = Context::internal(workspace_id(&slug), Actor::Operator, request_id);
    core.run(&context, &EnsureWorkspace { slug, plan }).await?;
    Ok(context)
}

/// Makes the endpoint that the operator set in the default workspace be as the environment says.
pub async fn ensure_webhook(core: &Core, url: Option<WebhookUrl>) -> Result<(), Error> {
    let workspace = workspace_id(&valid(HOME_SLUG)?);
    let request_id = format!("req_{}", core.ids.next().simple());
    let context = Context::internal(workspace, Actor::Operator, request_id);
    let secret = signing::new_secret(Signing::Hmac).map_err(|error| Error::Internal(error.to_string()))?;
    core.run(&context, &EnsureEnvironmentWebhook { url, secret }).await.map(drop)
}

fn admin_key(name: &str, secret: &str, origin: KeyOrigin) -> Result<IssueKey, Error> {
    let name: DisplayName = valid(name)?;
    Ok(IssueKey { name, scopes: vec![Scope::All], secret: secret.to_owned(), expires_at: None, origin })
}

fn valid<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Error> {
    text.parse().map_err(|error: T::Err| Error::Internal(error.to_string()))
}
