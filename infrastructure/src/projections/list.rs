//! What projections there are, and in what state.

use std::collections::BTreeMap;

use interflow_domain::WorkspaceId;
use sqlx::types::Json;
use uuid::Uuid;

use super::{PROJECTIONS, Projections, ProjectionsError};
use crate::read_models::definitions::{Definitions, today};

const HEADS: &str = "SELECT h.workspace_id, h.position, h.generation, live.definitions, \
         aside.generation AS aside, aside.position AS aside_position \
     FROM heads h \
     LEFT JOIN generations live ON live.workspace_id = h.workspace_id AND live.generation = h.generation \
     LEFT JOIN generations aside ON aside.workspace_id = h.workspace_id AND aside.state = 'filling' \
     WHERE h.position > 0 AND ($1::uuid IS NULL OR h.workspace_id = $1) ORDER BY h.workspace_id";
const OUTDATED: &str = "SELECT coalesce(live.definitions, '{}') AS definitions, count(*) AS workspaces \
     FROM heads h LEFT JOIN generations live USING (workspace_id, generation) \
     WHERE h.position > 0 AND live.definitions IS DISTINCT FROM $1 GROUP BY 1";

/// The projections of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Whose.
    pub workspace: WorkspaceId,
    /// How many events its log has.
    pub events: u64,
    /// The generation in service.
    pub generation: i32,
    /// Each projection.
    pub projections: Vec<ProjectionStatus>,
    /// The rebuild that is under way, or that a run which died has left.
    pub filling: Option<Filling>,
}

/// One projection of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectionStatus {
    /// Its name.
    pub name: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// Whether this build would make the rows by the definition that made them.
    pub current: bool,
}

/// A generation that a rebuild fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filling {
    /// Which.
    pub generation: i32,
    /// Up to which event.
    pub position: u64,
}

/// A projection whose rows another definition of it has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outdated {
    /// Its name.
    pub projection: &'static str,
    /// In how many workspaces.
    pub workspaces: u64,
}

#[derive(sqlx::FromRow)]
struct Head {
    workspace_id: Uuid,
    position: i64,
    generation: i32,
    definitions: Option<Definitions>,
    aside: Option<i32>,
    aside_position: Option<i64>,
}

impl Projections {
    /// The projections of one workspace or of all.
    pub async fn list(&self, workspace: Option<WorkspaceId>) -> Result<Vec<Status>, ProjectionsError> {
        let mut connection = self.pool().acquire().await?;
        let today = today(&mut connection).await?;
        let heads: Vec<Head> =
            sqlx::query_as(HEADS).bind(workspace.map(WorkspaceId::uuid)).fetch_all(&mut *connection).await?;
        if let (Some(workspace), true) = (workspace, heads.is_empty()) {
            return Err(ProjectionsError::NoWorkspace(workspace));
        }
        let mut all = vec![];
        for head in heads {
            let mut projections = vec![];
            for projection in PROJECTIONS {
                let mut rows = 0;
                for table in projection.tables {
                    let sql =
                        format!("SELECT count(*) FROM {table} WHERE workspace_id = $1 AND generation = $2");
                    let query = sqlx::query_scalar(&sql).bind(head.workspace_id).bind(head.generation);
                    rows += query.fetch_one(&mut *connection).await.map(i64::unsigned_abs)?;
                }
                let current =
                    head.definitions.as_ref().is_some_and(|made| same(made, &today, projection.name));
                projections.push(ProjectionStatus { name: projection.name, rows, current });
            }
            let filling = head.aside.zip(head.aside_position);
            all.push(Status {
                workspace: WorkspaceId::new(head.workspace_id),
                events: head.position.unsigned_abs(),
                generation: head.generation,
                projections,
                filling: filling
                    .map(|(generation, position)| Filling { generation, position: position.unsigned_abs() }),
            });
        }
        Ok(all)
    }

    /// The projections whose definition has changed since their rows were made.
    pub async fn outdated(&self) -> Result<Vec<Outdated>, ProjectionsError> {
        let mut connection = self.pool().acquire().await?;
        let today = today(&mut connection).await?;
        let others: Vec<(Definitions, i64)> =
            sqlx::query_as(OUTDATED).bind(&today).fetch_all(&mut *connection).await?;
        let outdated = PROJECTIONS.into_iter().map(|projection| {
            let changed = others.iter().filter(|(made, _)| !same(made, &today, projection.name));
            let workspaces = changed.map(|(_, workspaces)| workspaces.unsigned_abs()).sum();
            Outdated { projection: projection.name, workspaces }
        });
        Ok(outdated.filter(|outdated| outdated.workspaces > 0).collect())
    }
}

fn same(
    Json(made): &Json<BTreeMap<String, String>>,
    Json(today): &Json<BTreeMap<String, String>>,
    projection: &str,
) -> bool {
    made.get(projection) == today.get(projection)
}
