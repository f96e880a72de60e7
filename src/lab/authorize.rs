//! Further keys on the disks of machines that exist.

use super::command::failed;
use super::fleet::FleetError;
use super::machine::Machines;
use std::fs;
use std::path::Path;

impl Machines {
    /// Lets further keys log in as root, on a disk that is there.
    pub fn authorize(&self, name: &str, keys: &[String]) -> Result<(), FleetError> {
        let _lock = self.place.lock(name)?;
        let mut machine = self.machine(name)?;
        let new: Vec<_> = keys
            .iter()
            .filter(|key| !machine.authorized_keys.contains(key))
            .cloned()
            .collect();
        if machine.destroyed || new.is_empty() {
            return Ok(());
        }
        let disk = self.disk(name);
        disk.mount(&machine.image_path, &self.place.name.link_prefix())?;
        let path = disk.root().join("root/.ssh/authorized_keys");
        add_lines(&path, &new)
            .map_err(|error| failed(format!("write {}", path.display()), &error))?;
        machine.authorized_keys.extend(new);
        self.place.keep_machine(&machine)
    }
}

fn add_lines(path: &Path, lines: &[String]) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut text = fs::read_to_string(path).unwrap_or_default();
    for line in lines {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(line);
        text.push('\n');
    }
    fs::write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}
