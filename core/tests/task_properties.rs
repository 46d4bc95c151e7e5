//! Properties of task programs: no text makes the compiler panic, what it accepts can be played with any actions, and
//! samples played together have the bits of samples played alone.

mod task_support;

use goodhart_core::math::rng;
use goodhart_core::params::{Overrides, Value};
use goodhart_core::reward::{Severity, task};
use goodhart_core::tasks::{self, MAX_ACTIVE, Play, STATE_WORDS, Samples, StepTask, TokenTask, Written};
use task_support::mutation::mutated;
use task_support::{Generator, Rng};

/// What the engine gives a shader of a task.
const GIVEN: &str = "
const SEEN: u32 = 64u;
const PROMPT: u32 = 48u;
fn prompt_token(i: u32) -> u32 { return i; }
fn completion_token(i: u32) -> u32 { return i; }
var<private> record: array<f32, 4097>;
fn record_set(slot: u32, value: f32) { record[min(slot, 4096u)] = value; }
fn record_get(slot: u32) -> f32 { return record[min(slot, 4096u)]; }
@group(0) @binding(0) var<storage> words: array<u32>;
fn task_word(i: u32) -> u32 { return words[i]; }
";

fn is_valid(program: &task::TaskProgram) -> Result<(), String> {
    let text = rng::wgsl() + GIVEN + program.wgsl();
    let module = naga::front::wgsl::parse_str(&text).map_err(|error| error.emit_to_string(&text))?;
    let flags = naga::valid::ValidationFlags::all();
    let mut validator = naga::valid::Validator::new(flags, naga::valid::Capabilities::empty());
    validator.validate(&module).map(drop).map_err(|error| error.emit_to_string(&text))
}

/// Episodes of many samples, each alive until it is over: all that can be told of them.
struct Play2 {
    states: Vec<[u32; STATE_WORDS]>,
    records: Vec<f32>,
    scores: Vec<f32>,
    seen: Vec<Vec<u32>>,
    over: Vec<Vec<bool>>,
}

const SAMPLES: usize = 70;
const GROUP: usize = 7;

/// Plays samples together, block by block, or one by one.
fn played(task: &tasks::Task, steps: &dyn StepTask, rng: &mut Rng, together: bool) -> Play2 {
    let stride = task.schema.stride;
    let mut play = Play2 {
        states: vec![[0; STATE_WORDS]; SAMPLES],
        records: vec![0.0; SAMPLES * stride],
        scores: vec![0.0; SAMPLES],
        seen: Vec::new(),
        over: Vec::new(),
    };
    let (mut lengths, mut truncated) = (vec![0u32; SAMPLES], vec![0u8; SAMPLES]);
    let mut alive: Vec<u32> = (0..SAMPLES as u32).collect();
    let width = steps.observation().active;
    let Play2 { states, records, scores, seen, over } = &mut play;
    let mut samples = Samples { seed: 5, update: 3, group: GROUP, states, records, stride };
    let key = |i: u32| tasks::DrawKey { seed: 5, update: 3, group: i / GROUP as u32, sample: i % GROUP as u32 };
    match together {
        true => steps.begin_all(&mut samples),
        false => (0..SAMPLES).for_each(|i| {
            steps.begin(key(i as u32), &mut samples.states[i], &mut samples.records[i * stride..][..stride]);
        }),
    }
    for t in 0..task.horizon as u32 {
        let (mut inputs, mut done) = (Vec::new(), Vec::new());
        let actions: Vec<u32> = alive.iter().map(|_| rng.below(task.n_actions) as u32).collect();
        if together {
            steps.see_all(&mut samples, &alive, false, width, &mut inputs);
            steps.see_all(&mut samples, &alive, true, 1, &mut inputs);
            steps.step_all(&mut samples, t, &alive, &actions, &mut done);
        } else {
            for i in &alive {
                let mut features = [0; MAX_ACTIVE];
                steps.features(&samples.states[*i as usize], &mut features);
                inputs.extend(&features[..width]);
            }
            inputs.extend(alive.iter().map(|i| steps.state_index(&samples.states[*i as usize])));
            for (i, action) in alive.iter().zip(&actions) {
                let at = *i as usize;
                let record = &mut samples.records[at * stride..][..stride];
                done.push(steps.step(key(*i), t, *action, &mut samples.states[at], record));
            }
        }
        for (i, done) in alive.iter().zip(&done) {
            (lengths[*i as usize], truncated[*i as usize]) = (t + 1, u8::from(!done));
        }
        let mut each = done.iter();
        alive.retain(|_| !each.next().unwrap());
        seen.push(inputs);
        over.push(done);
    }
    match together {
        true => steps.finish_all(&mut samples, &lengths, &truncated, scores),
        false => (0..SAMPLES).for_each(|i| {
            let record = &mut samples.records[i * stride..][..stride];
            scores[i] = steps.finish(key(i as u32), &samples.states[i], lengths[i], truncated[i] != 0, record);
        }),
    }
    play
}

/// Completions that are judged together come to what they come to alone.
fn judged(task: &tasks::Task, tokens: &dyn TokenTask, rng: &mut Rng) -> Result<(), String> {
    let (stride, horizon, prompt_len) = (task.schema.stride, task.horizon, tokens.prompt_len());
    let key = |i: usize| tasks::DrawKey { seed: 5, update: 3, group: (i / GROUP) as u32, sample: (i % GROUP) as u32 };
    let mut prompts = vec![0; SAMPLES / GROUP * prompt_len];
    for (group, prompt) in prompts.chunks_exact_mut(prompt_len).enumerate() {
        tokens.prompt(key(group * GROUP), prompt);
    }
    let (mut written, mut lengths, mut truncated) = (vec![0; SAMPLES * horizon], Vec::new(), Vec::new());
    for (i, out) in written.chunks_exact_mut(horizon).enumerate() {
        let mut length = tokens.demonstration(key(i), &prompts[i / GROUP * prompt_len..][..prompt_len], out);
        if i % 2 == 0 || length == 0 {
            length = 1 + rng.below(horizon);
            out[..length].fill_with(|| rng.below(tokens.vocabulary()) as u32);
        }
        lengths.push(length as u32);
        truncated.push(u8::from(out[length - 1] != tokens.end_token()));
    }
    let (mut records, mut scores) = (vec![f32::NAN; SAMPLES * stride], vec![f32::NAN; SAMPLES]);
    let mut all = Written {
        seed: 5,
        update: 3,
        group: GROUP,
        prompt_len,
        prompts: &prompts,
        horizon,
        tokens: &written,
        lengths: &lengths,
        truncated: &truncated,
        records: &mut records,
        stride,
        scores: &mut scores,
    };
    tokens.finish_all(&mut all);
    for i in 0..SAMPLES {
        let mut record = vec![f32::NAN; stride];
        let said = &written[i * horizon..][..lengths[i] as usize];
        let prompt = &prompts[i / GROUP * prompt_len..][..prompt_len];
        let score = tokens.finish(key(i), prompt, said, truncated[i] != 0, &mut record);
        if (bits(&record), score.to_bits()) != (bits(&records[i * stride..][..stride]), scores[i].to_bits()) {
            return Err(format!("completion {i} is another one alone: {record:?}"));
        }
    }
    Ok(())
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// Compiles a text; what compiles is played. Gives whether it compiled.
fn check(source: &str, plays: bool) -> Result<bool, String> {
    let values = Overrides::new();
    let compiled = task::compile(source, &values);
    let has_error = compiled.diagnostics.iter().any(|d| d.severity == Severity::Error) || !compiled.refused.is_empty();
    if compiled.program.is_none() != has_error {
        return Err(format!("a program: {}, errors: {has_error}", compiled.program.is_some()));
    }
    for d in &compiled.diagnostics {
        let fits = d.start <= d.end
            && d.end <= source.len()
            && source.is_char_boundary(d.start)
            && source.is_char_boundary(d.end);
        if !fits || d.line < 1 || d.column < 1 || d.message.is_empty() || d.message == "this has no meaning here" {
            return Err(format!("{d:?}"));
        }
    }
    let names = |params: &[task::Declared]| params.iter().map(|param| param.name).collect::<Vec<_>>();
    if names(&task::params(source)) != names(&compiled.params) {
        return Err("`params` and `compile` find other parameters".into());
    }
    let mut code = values.clone();
    code.insert("code".into(), Value::Text(source.to_string()));
    let built = tasks::build("program", &code);
    let Some(program) = compiled.program else {
        return if built.is_err() { Ok(false) } else { Err("it is built and does not compile".into()) };
    };
    let again = task::compile(source, &values).program.ok_or("the second time it does not compile")?;
    let same = again.wgsl() == program.wgsl() && again.schema.fields == program.schema.fields;
    if !same
        || (again.blank_state, again.blank_record, again.blank_world)
            != (program.blank_state.clone(), program.blank_record.clone(), program.blank_world.clone())
    {
        return Err("compiled twice it is two programs".into());
    }
    is_valid(&program)?;
    // What fails in `setup` or in the first `start` is refused when it is built.
    let (true, Ok(task)) = (plays, built) else { return Ok(true) };
    let steps = match &task.play {
        Play::Steps(steps) => steps,
        Play::Tokens(tokens) => return judged(&task, tokens.as_ref(), &mut Rng::new(7)).map(|()| true),
    };
    let [together, alone] = [true, false].map(|together| played(&task, steps.as_ref(), &mut Rng::new(7), together));
    for i in 0..SAMPLES {
        let record = |play: &Play2| bits(&play.records[i * task.schema.stride..][..task.schema.stride]);
        if (together.states[i], record(&together), together.scores[i].to_bits())
            != (alone.states[i], record(&alone), alone.scores[i].to_bits())
        {
            return Err(format!("sample {i} is another one alone: {:?} {:?}", record(&together), record(&alone)));
        }
    }
    if (together.seen, together.over) != (alone.seen, alone.over) {
        return Err("samples see other things alone".into());
    }
    Ok(true)
}

fn count(of: u64) -> u64 {
    std::env::var("GOODHART_TASK_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(of)
}

/// A random program whose `see` cannot fail: what fails there is noted where samples are played together.
fn program(seed: u64) -> String {
    let source = Generator::new(seed).program();
    let see = source.find("def see(").unwrap();
    let end = source[see..].find("\n\ndef ").map_or(source.len(), |at| see + at);
    let body =
        "def see(s, w, p):\n    return one_hot(s.il[0] % 5, 5), one_hot(1 if s.f else 0, 2), one_hot(w.n % 3, 3)\n";
    let history = if seed.is_multiple_of(4) { "\nhistory = 2\n" } else { "" };
    format!("{}{body}{}{history}", &source[..see], &source[end..])
}

#[test]
fn generated_programs_are_played_together_as_alone() {
    for seed in 1..=count(150) {
        let source = program(seed);
        match check(&source, true) {
            Ok(compiled) => assert!(compiled, "seed {seed} does not compile\n{source}"),
            Err(text) => panic!("seed {seed}: {text}\n{source}"),
        }
    }
}

#[test]
fn no_change_of_a_program_makes_the_compiler_panic() {
    let own = [
        include_str!("tasks/everything.py"),
        include_str!("tasks/chain.py"),
        include_str!("../../tasks/corridor.py"),
        include_str!("../../tasks/taxi.py"),
        include_str!("../../tasks/sums.py"),
        include_str!("tasks/words.py"),
    ];
    let (mut compiled, n) = (0, count(1500));
    for seed in 1..=n {
        let mut rng = Rng::new(seed ^ 0xabcd);
        let source = match rng.below(3) {
            0 => own[rng.below(own.len())].to_string(),
            _ => program(seed),
        };
        let source = mutated(&source, &mut rng);
        // Only some are played, which takes longer. What is changed may fail in `see`.
        compiled += u64::from(check(&source, false).unwrap_or_else(|text| panic!("seed {seed}: {text}\n{source}")));
        if seed.is_multiple_of(10) {
            let mut code = Overrides::new();
            code.insert("code".into(), Value::Text(source));
            if let Ok(task) = tasks::build("program", &code)
                && let Play::Steps(steps) = &task.play
            {
                played(&task, steps.as_ref(), &mut rng, true);
                played(&task, steps.as_ref(), &mut rng, false);
            }
        }
    }
    assert!(compiled * 10 > n && compiled * 10 < n * 9, "{compiled} of {n} compile");
}

/// As little stack as a worker in a browser has.
#[test]
fn deep_and_large_texts_are_refused() {
    let head = "horizon = 4\nactions = [\"a\", \"b\"]\nclass State:\n    i: int = 0\n    xs: list[int] = [0] * 9\n";
    let tail = "def see(s):\n    return one_hot(0, 2)\ndef score(s):\n    return 1.0\n";
    let step = |body: &str| format!("{head}def step(s, action, dice):\n{body}\n{tail}");
    let texts = [
        step(&format!("    s.i = {}1{}", "(".repeat(9000), ")".repeat(9000))),
        step(&format!("    s.i = {}1", "1 + ".repeat(4000))),
        step(&(0..200).map(|i| format!("{}if s.i > {i}:\n", " ".repeat(i + 4))).collect::<String>()),
        step(&(0..30).map(|i| format!("{}for i{i} in range(1000000):\n", " ".repeat(i + 4))).collect::<String>()),
        step(&"    s.xs[s.xs[s.xs[0]]] += 1\n".repeat(600)),
        step(&"    dice.shuffle(s.xs)\n".repeat(800)),
        step(&format!("    s.i = s{}", ".i".repeat(5000))),
        step(&format!("    s.xs{} = 1", "[0]".repeat(5000))),
        format!("{}class World:\n    w: list[int] = [0] * 999999999\n{}", step("    pass"), ""),
        format!("{}class World:\n    w: list[int] = {}1{}\n", step("    pass"), "[".repeat(3000), "]".repeat(3000)),
        format!(
            "{}class Episode:\n{}",
            step("    pass"),
            (0..900).map(|i| format!("    e{i}: list[int]\n")).collect::<String>()
        ),
        format!(
            "{}class Params:\n{}",
            step("    pass"),
            (0..900).map(|i| format!("    e{i}: int = {i}\n")).collect::<String>()
        ),
        format!("{}class Params:\n    x: float = -{}1\n", step("    pass"), "-".repeat(9000)),
        step("    pass").replace("one_hot(0, 2)", "one_hot(0, 2000000000), one_hot(0, 2000000000)"),
        step("    pass").replace("one_hot(0, 2)", "[one_hot(0, 2) for i in range(64)], one_hot(0, 1)"),
        step("    pass").replace("horizon = 4", "horizon = 99999999999999999999"),
        step("    pass").replace("[\"a\", \"b\"]", &format!("[{}]", "\"a\", ".repeat(2000))),
        step("    pass").replace("[\"a\", \"b\"]", &format!("{}[\"a\"]", "[\"a\"] + ".repeat(2000))),
    ];
    for text in texts {
        let copy = text.clone();
        let thread = std::thread::Builder::new().stack_size(1024 * 1024);
        let result = thread.spawn(move || check(&copy, false)).unwrap().join().unwrap();
        result.unwrap_or_else(|error| panic!("{error}\n{}", text.chars().take(400).collect::<String>()));
    }
}
