//! `goodhart score`: a reward program over episodes given as JSON.

use crate::arguments::{Score, ScoreEngine};
use crate::failure::Failure;
use crate::output::{print, read_file, read_input};
use goodhart_core::engine::gpu::{request_device, score_programs};
use goodhart_core::experiment::file::MAX_TEXT;
use goodhart_core::reward::json::{Episodes, compile_for_json, scores_to_json};
use goodhart_core::reward::{Groups, Program, Scores, Scratch};

/// Scores the episodes on standard input.
pub fn score(options: &Score) -> Result<(), Failure> {
    let code = read_file(&options.program, MAX_TEXT)?;
    let name = options.program.display().to_string();
    let (program, episodes) = compile_for_json(&code, &read_input()?).map_err(|e| first_error(&e, &name))?;
    let scores = match options.engine {
        ScoreEngine::Cpu => on_cpu(&program, &episodes),
        ScoreEngine::Gpu => pollster::block_on(on_gpu(&program, &episodes))?,
    };
    print(&format!("{}\n", scores_to_json(&program, &episodes, &scores)))
}

fn on_cpu(program: &Program, episodes: &Episodes) -> Scores {
    let mut scores = Scores::default();
    let groups = Groups::Starts(&episodes.group_starts);
    let Episodes { records, n, run, .. } = episodes;
    program.score_groups(records, *n, groups, run, &mut scores, &mut Scratch::default());
    scores
}

async fn on_gpu(program: &Program, episodes: &Episodes) -> Result<Scores, String> {
    let context = request_device().await.map_err(|e| e.to_string())?;
    let Episodes { records, n, group_starts, run, .. } = episodes;
    let scores = score_programs(&context, &[program], records, *n, group_starts, run).await;
    Ok(scores.map_err(|e| e.to_string())?.pop().unwrap_or_default())
}

/// The first error with its place, or the sentence as it is; `goodhart lint` shows all of them.
fn first_error(text: &str, name: &str) -> String {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("error: "));
    let Some(message) = lines.next() else { return text.into() };
    let help = text.lines().skip_while(|line| *line != message).skip(1).take_while(|line| !line.starts_with("error: "));
    let help = help.filter_map(|line| line.trim().strip_prefix("= help: ")).next();
    let help = help.map_or_else(String::new, |help| format!("; {help}"));
    let place = lines.next().and_then(|line| line.trim().strip_prefix("--> program:")).unwrap_or_default();
    format!("{name}:{place}: {}{help}", message.trim_start_matches("error: "))
}
