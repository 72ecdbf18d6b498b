//! The report of `eddy doctor` as JSON and as text: a table where it fits the terminal, else a block a server.

use std::io::Write;
use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::{Format, Report, ServerReport};
use crate::commands::{CommandError, Context};
use crate::output::figures::span;

/// The columns of the table; the last ones are left out when no server has a value.
const HEADS: [&str; 7] = ["SERVER", "ADDRESS", "STATE", "IDENTITY", "AS", "LATENCY", "CLOCK"];
/// Stands where there is no value.
const NOTHING: &str = "-";

pub(super) fn show(report: &Report, format: Format, context: &Context) -> Result<(), CommandError> {
    let mut out = context.ui.data();
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, report).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Format::Human => write_report(&mut out, report, context)?,
    }
    out.flush()?;
    Ok(())
}

fn write_report(out: &mut dyn Write, report: &Report, context: &Context) -> std::io::Result<()> {
    writeln!(out, "eddy          {}", report.eddy)?;
    for tool in &report.tools {
        let missing = || format!("not found (needed for {})", tool.purpose);
        writeln!(out, "{:<13} {}", tool.name, tool.version.clone().unwrap_or_else(missing))?;
    }
    match &report.workspace {
        Some(workspace) => {
            let environments = workspace.environments.join(", ");
            let environments = if environments.is_empty() { "none" } else { &environments };
            writeln!(out, "workspace     {}", workspace.file)?;
            writeln!(out, "documents     {}", workspace.documents)?;
            writeln!(out, "environments  {environments}")?;
        }
        None => writeln!(out, "workspace     none here (`eddy init` writes one)")?,
    }
    write_servers(out, &report.servers, context)?;
    for problem in &report.problems {
        writeln!(out, "\nproblem: {}: {}", problem.subject, problem.message)?;
        if let Some(help) = &problem.help {
            writeln!(out, "   help: {help}")?;
        }
    }
    if report.problems.is_empty() {
        writeln!(out, "\nno problems")?;
    }
    Ok(())
}

fn write_servers(out: &mut dyn Write, servers: &[ServerReport], context: &Context) -> std::io::Result<()> {
    if servers.is_empty() {
        return Ok(());
    }
    let rows: Vec<[String; 7]> = servers.iter().map(row).collect();
    let filled: Vec<usize> =
        (0..HEADS.len()).filter(|&at| rows.iter().any(|row| row[at] != NOTHING)).collect();
    let width =
        |at: usize| rows.iter().map(|row| row[at].width()).chain([HEADS[at].width()]).max().unwrap_or(0);
    let whole: usize = filled.iter().map(|&at| width(at) + 2).sum();
    writeln!(out)?;
    if whole > context.ui.width + 2 {
        return write_blocks(out, servers, &rows, context.ui.verbose);
    }
    let line = |cell: &dyn Fn(usize) -> String| {
        let cells = filled.iter().map(|&at| {
            let cell = cell(at);
            format!("{cell}{}", " ".repeat(width(at) - cell.width()))
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    writeln!(out, "{}", line(&|at| HEADS[at].to_owned()))?;
    for (server, row) in servers.iter().zip(&rows) {
        writeln!(out, "{}", line(&|at| row[at].clone()))?;
        write_facts(out, server, context.ui.verbose)?;
    }
    Ok(())
}

fn write_blocks(
    out: &mut dyn Write,
    servers: &[ServerReport],
    rows: &[[String; 7]],
    verbose: bool,
) -> std::io::Result<()> {
    for (index, (server, row)) in servers.iter().zip(rows).enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let title = if row[0] == NOTHING { &row[1] } else { &row[0] };
        writeln!(out, "{title}: {}", row[2])?;
        let cells = HEADS
            .iter()
            .zip(row)
            .enumerate()
            .filter(|(at, (_, cell))| !matches!(at, 0 | 2) && *cell != NOTHING);
        for (_, (head, cell)) in cells.filter(|(_, (_, cell))| *cell != title) {
            writeln!(out, "  {:<8}  {cell}", head.to_lowercase())?;
        }
        write_facts(out, server, verbose)?;
    }
    Ok(())
}

fn write_facts(out: &mut dyn Write, server: &ServerReport, verbose: bool) -> std::io::Result<()> {
    for fact in server.probe.facts.iter().filter(|_| verbose) {
        writeln!(out, "    {}: {}", fact.name, fact.value)?;
    }
    Ok(())
}

fn row(server: &ServerReport) -> [String; 7] {
    let probe = &server.probe;
    let nothing = || NOTHING.to_owned();
    let identity = [probe.server.as_deref(), probe.protocol.as_deref()];
    let identity = identity.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let latency = probe.latency_us.map(|micros| format!("{}.{} ms", micros / 1000, micros % 1000 / 100));
    [
        if server.name.is_some() { server.subject() } else { nothing() },
        probe.address.clone(),
        server.state().to_owned(),
        if identity.is_empty() { nothing() } else { identity },
        server.introduced_as.clone().unwrap_or_else(nothing),
        latency.unwrap_or_else(nothing),
        probe.clock_offset_us.map_or_else(nothing, clock),
    ]
}

/// How far a clock is from ours: `+3 ms` is ahead.
fn clock(offset_us: i64) -> String {
    let distance = Duration::from_micros(offset_us.unsigned_abs());
    let sign = if offset_us < 0 { "-" } else { "+" };
    format!("{sign}{}", span(distance))
}
