//! Which stacks a command that holds or lets go is about.

/// Some stacks by name, or every one.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    /// Which stacks
    #[arg(value_name = "STACK")]
    pub stacks: Vec<String>,
    /// Every stack, those included that come meanwhile
    #[arg(long)]
    pub all: bool,
}

impl Whose {
    /// The named ones; `None`: every stack.
    pub fn stacks(&self) -> Option<&[String]> {
        (!self.all).then_some(&self.stacks)
    }
}
