//! The one integration binary: a module for each subject.

// A test may panic, and says why it was skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests live outside, where things are touched"
)]

mod anchor;
mod approvals;
mod attacks;
mod authority;
mod blueprints;
mod changes;
mod check_base;
mod check_formats;
mod ci_workflows;
mod compare;
mod conformance;
mod derive;
mod dns;
mod drill_equal;
mod drills;
mod engines;
mod estate_files;
mod estate_fixture;
mod estate_init;
mod estate_trust;
mod evidence;
mod exit_kit;
mod exits;
mod explain;
mod fetch;
mod guide;
mod hoster_hetzner;
mod hoster_pool;
mod independence;
mod journal;
mod kept_repositories;
mod lab_hetzner;
mod lab_pure;
mod layout;
mod mandate;
mod manifest;
mod moments;
mod new_estate;
mod new_stack;
mod origins;
mod people;
mod plan_apply;
mod plan_backup_move;
mod plan_brake;
mod plan_check;
mod plan_crossing;
mod plan_discard;
mod plan_fencing;
mod plan_file;
mod plan_forecast;
mod plan_holds;
mod plan_keys;
mod plan_markdown;
mod plan_missing;
mod plan_offline;
mod plan_possible_writers;
mod plan_retire;
mod plan_state;
mod plan_thresholds;
mod plan_verify;
mod plan_views;
mod plan_world;
mod points;
mod policies;
mod promises;
mod readme;
mod real_machine;
mod reference;
mod remembered;
mod retention;
mod robustness;
mod s05_plan_file;
mod s05_stale_basis;
mod s13_links;
mod s13_secrets;
mod s13_shown;
mod s13_visible;
mod sample;
mod schemas;
mod structure;
mod succession;
mod trust_approve;
mod trust_commands;
mod trust_estate;
mod trust_formats;
mod trust_known;
mod trust_merges;
mod trust_roles;
mod trust_time;
