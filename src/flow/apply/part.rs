//! One part of a point, brought back beside the live data.

use super::{Run, StepError};
use crate::model::ids::{MachineName, PointId};
use crate::model::plan::Step;
use crate::model::point::Part;
use crate::world::backup::{self, Wanted, WantedDatabase};

impl Run {
    pub(super) async fn retrieve(
        &self,
        step: &Step,
        machine: &MachineName,
        point: &PointId,
        part: &Part,
        to: &str,
    ) -> Result<(), StepError> {
        let contact = self.contact(machine)?;
        let manifest = self.manifest_of(step, machine)?;
        let transport = self.session.world.transport.as_ref();
        let database = |engine, database, table| WantedDatabase {
            point,
            engine,
            database,
            table,
            to,
        };
        let wanted = match part {
            Part::Path { path } => {
                let services = manifest.services.iter();
                let state = services.flat_map(|service| &service.state);
                let state: Vec<String> = state.map(|state| state.path.clone()).collect();
                let wanted = Wanted {
                    point,
                    path,
                    to,
                    state: &state,
                };
                let done = backup::retrieve(transport, &contact, wanted).await?;
                let note = format!("{} files, {}, in {}", done.files, done.bytes, done.to);
                self.reporter.note(step, &note);
                return Ok(());
            }
            Part::Database {
                engine,
                database: name,
            } => database(*engine, name, None),
            Part::Table {
                engine,
                database: name,
                table,
            } => database(*engine, name, Some(table.as_str())),
        };
        let done = backup::retrieve_database(transport, &contact, wanted).await?;
        let note = format!(
            "{} tables, {} rows, in database {}",
            done.tables, done.rows, done.to
        );
        self.reporter.note(step, &note);
        Ok(())
    }
}
