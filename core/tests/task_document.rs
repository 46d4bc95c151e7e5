//! The document of the language of task programs: its examples are played, its messages are those of the compiler.

use goodhart_core::params::{Overrides, Value};
use goodhart_core::reward::{RunSchema, compile, task};
use goodhart_core::tasks::{self, DrawKey, Play, STATE_WORDS, Task};

const DOCUMENT: &str = include_str!("../../docs/task-language.md");

/// The blocks of Python with this word behind the language.
fn blocks(word: &str) -> Vec<&'static str> {
    let fence = format!("```python {word}\n");
    DOCUMENT.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn built(source: &str) -> Task {
    let mut values = Overrides::new();
    values.insert("code".into(), Value::Text(source.into()));
    tasks::build("program", &values).unwrap_or_else(|errors| panic!("{errors:#?}\n{source}"))
}

#[test]
fn every_task_of_the_document_is_played() {
    let programs = blocks("task");
    assert!(programs.len() >= 4, "{} programs", programs.len());
    for source in programs {
        let compiled = task::compile(source, &Overrides::new());
        assert!(compiled.diagnostics.is_empty(), "{source}\n{:?}", compiled.diagnostics);
        let task = built(source);
        let Play::Steps(steps) = &task.play else { panic!("a task of steps") };
        let mut succeeded = 0;
        for sample in 0..400 {
            let key = DrawKey { seed: 1, update: 0, group: 0, sample };
            let (mut state, mut record) = ([0; STATE_WORDS], vec![0.0; task.schema.stride]);
            steps.begin(key, &mut state, &mut record);
            let (mut length, mut over) = (0, false);
            while !over && length < task.horizon as u32 {
                let word = goodhart_core::math::rng::draw(9, sample, length, 0, 0, 0)[0];
                let action = goodhart_core::math::rng::below(word, task.n_actions as u32);
                over = steps.step(key, length, action, &mut state, &mut record);
                length += 1;
            }
            let score = steps.finish(key, &state, length, !over, &mut record);
            assert_eq!(record[task.schema.stride - 1], 0.0, "it fails\n{source}");
            succeeded += usize::from(score > 0.0);
        }
        assert!(succeeded > 10 && succeeded < 400, "{succeeded} of 400 random walks succeed\n{source}");
    }
}

/// A demonstration is right unless it slips, and any other completion hardly ever.
#[test]
fn the_task_of_tokens_of_the_document_is_written() {
    let programs = blocks("task-of-tokens");
    assert_eq!(programs.len(), 1);
    let compiled = task::compile(programs[0], &Overrides::new());
    assert!(compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
    let task = built(programs[0]);
    let Play::Tokens(play) = &task.play else { panic!("a task of tokens") };
    assert_eq!((task.n_actions, play.vocabulary(), play.prompt_len(), play.end_token()), (8, 8, 3, 4));
    let (mut prompt, mut record) = ([0; 3], vec![0.0; task.schema.stride]);
    let mut right = [0, 0];
    for sample in 0..400 {
        let key = DrawKey { seed: 1, update: 0, group: sample, sample };
        play.prompt(key, &mut prompt);
        let mut shown = vec![0; task.horizon];
        let length = play.demonstration(key, &prompt, &mut shown);
        let others = [prompt[0], prompt[0], prompt[0], 4];
        right[0] += usize::from(play.finish(key, &prompt, &shown[..length], false, &mut record) == 1.0);
        right[1] += usize::from(play.finish(key, &prompt, &others, false, &mut record) == 1.0);
        assert_eq!(record[task.schema.stride - 1], 0.0, "it fails");
    }
    assert!((250..390).contains(&right[0]) && (5..60).contains(&right[1]), "{right:?}");
}

#[test]
fn the_reward_of_the_document_reads_the_record_of_its_task() {
    let source = blocks("task").into_iter().rfind(|source| source.contains("goal: bool")).unwrap();
    let schema = built(source).schema;
    for reward in blocks("reward") {
        let compiled = compile(reward, &schema, &RunSchema::default());
        assert!(compiled.diagnostics.is_empty(), "{reward}\n{:?}", compiled.diagnostics);
    }
    assert_eq!(blocks("reward").len(), 1);
}

/// Each row of the table: a line of `step`, and the beginning of what the compiler says of it.
#[test]
fn every_message_of_the_document_is_said() {
    let table = DOCUMENT.split("| this line in `step` |").nth(1).unwrap().split("\n\n").next().unwrap();
    let mut rows = 0;
    for row in table.lines().skip(2) {
        let mut cells = row.trim_matches('|').splitn(2, " | ");
        let line = cells.next().unwrap().trim().trim_matches('`');
        let message = cells.next().unwrap().trim();
        let source = format!(
            "horizon = 9\nactions = [\"left\", \"right\"]\nclass Params:\n    size: int = 4\nclass World:\n    wall: int = 0\n\
             class State:\n    cell: int = 0\n    board: list[int] = [0] * 4\nclass Episode:\n    cells: list[int]\n\
             def step(s, ep, w, p, action, dice):\n    {line}\n    return False\n\
             def see(s):\n    return one_hot(0, 4)\ndef score(s):\n    return 1.0\n"
        );
        let said: Vec<String> =
            task::compile(&source, &Overrides::new()).diagnostics.into_iter().map(|d| d.message).collect();
        assert!(said.iter().any(|said| said.starts_with(message)), "`{line}` is answered {said:?}");
        rows += 1;
    }
    assert!(rows >= 10, "{rows} rows");
}

#[test]
fn the_limits_of_the_document_are_those_of_the_code() {
    for (text, limit) in [
        ("up to {} steps of an episode", task::MAX_HORIZON),
        ("{} words of a state", task::MAX_STATE),
        ("{} of a world", task::MAX_WORLD),
        ("2 to {} actions", task::MAX_ACTIONS),
        ("a vocabulary of up to {} tokens", task::MAX_VOCABULARY),
        ("prompts of up to {} tokens", task::MAX_PROMPT),
        ("completions of up to {} tokens", task::MAX_COMPLETION),
        ("what there was to see, 1 to {}", task::MAX_HISTORY),
        ("up to {} numbers that a policy sees", tasks::MAX_NUMBERS),
        ("up to {} features that are on", tasks::MAX_ACTIVE),
    ] {
        let number = if limit >= 10_000 { format!("{},{:03}", limit / 1000, limit % 1000) } else { limit.to_string() };
        let wanted = text.replace("{}", &number);
        assert!(DOCUMENT.contains(&wanted), "{wanted}");
    }
}

/// Python copies in these places, and would go on for ever in the last.
#[test]
fn lists_differ_from_python_as_the_document_says() {
    for body in [
        "part = s.xs[:2]\n    s.xs[0] = 9\n    return part[0] == 9",
        "last = 0\n    for x in s.xs[:]:\n        s.xs[2] = 7\n        last = x\n    return last == 7",
        "last = 0\n    for x in s.xs:\n        s.xs = [7, 7, 7]\n        last = x\n    return last == 7",
        "n = 0\n    for x in ep.cells:\n        ep.cells.append(x)\n        n += 1\n    return n == 1 and len(ep.cells) == 2",
    ] {
        let task = built(&format!(
            "horizon = 9\nactions = [\"left\", \"right\"]\nclass State:\n    xs: list[int] = [1, 2, 3]\n\
             class Episode:\n    cells: list[int]\ndef start(ep):\n    ep.cells.append(4)\n\
             def step(s, ep):\n    {body}\ndef see(s):\n    return one_hot(0, 4)\ndef score(s):\n    return 1.0\n"
        ));
        let Play::Steps(steps) = &task.play else { panic!("a task of steps") };
        let (mut state, mut record) = ([0; STATE_WORDS], vec![0.0; task.schema.stride]);
        let key = DrawKey { seed: 1, update: 0, group: 0, sample: 0 };
        steps.begin(key, &mut state, &mut record);
        assert!(steps.step(key, 0, 0, &mut state, &mut record), "{body}");
        assert_eq!(record[task.schema.stride - 1], 0.0, "{body}");
    }
}
