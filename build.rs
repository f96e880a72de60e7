//! The catalogue is compiled in; a new file in it must not be overlooked.

fn main() {
    println!("cargo:rerun-if-changed=stacks/blueprints");
    println!("cargo:rerun-if-changed=providers");
}
