//! Asking a program what it pays for every transition: of worlds of different noise, in groups where it looks at them,
//! with every step apart where it must be, and by how payments grow where that is all that adds up.

use super::model::Model;
use super::paid::{Found, Payments, differ, differences, mean_table, pay, pay_sums, pay_worlds, run_values};
use super::plays::{Plays, at_every_step, known};
use super::{COMPANIES, GROUP_BUDGET, Oracle, Paid, discount, needs_a_run, refs, slices};
use crate::plan::{Plan, PlannedArm};
use crate::reward::Program;
use std::ops::Deref;
use std::rc::Rc;

/// Share of an episode's deviation that may be left unexplained before a reward counts as not solved.
const UNEXPLAINED: f64 = 0.5;
/// Programs whose payments are kept.
const KEPT: usize = 12;

/// A program that is being asked.
struct Asking<'a> {
    program: &'a Program,
    run: Vec<f32>,
    /// It looks at the group.
    grouped: bool,
    /// What it pays for the episodes that no table is made of.
    checked: Payments,
}

/// A table of payments that was tried, of every component too, and over how many draws.
struct Tried {
    found: Found,
    components: Vec<Option<Vec<f64>>>,
    times: usize,
}

impl Found {
    /// So much is left unexplained that the mean says nothing.
    fn is_hopeless(&self) -> bool {
        !self.is_exact && self.left > UNEXPLAINED * self.deviation
    }
}

fn is_exact(tried: Option<&Tried>) -> bool {
    tried.is_some_and(|t| t.found.is_exact)
}

impl<P: Deref<Target = Plan>> Oracle<P> {
    /// The other samples of an episode's group: those of a group of the base policy that starts alike.
    fn companions(&self, plays: &Plays, i: usize, company: usize) -> Vec<f32> {
        let (group, stride) = (self.plan.group(), self.plan.task.schema.stride);
        let groups = self.sampled.len() / group;
        let alike: Vec<usize> = (0..groups).filter(|g| self.sampled.starts[g * group] == plays.starts[i]).collect();
        let g = if alike.is_empty() { company % groups } else { alike[company % alike.len()] };
        self.sampled.records[(g * group + 1) * stride..(g + 1) * group * stride].to_vec()
    }

    /// Whether the reward of an episode depends on the other samples of its group or batch.
    pub(super) fn looks_at_group(&self, program: &Program, run: &[f32]) -> bool {
        if !program.has_combine() || self.plan.group() == 1 {
            return false;
        }
        let n = self.checks.len().min(48);
        let few = Plays {
            edges: self.checks.edges[..n].to_vec(),
            starts: self.checks.starts[..n].to_vec(),
            records: self.checks.records[..n * self.plan.task.schema.stride].to_vec(),
            true_scores: self.checks.true_scores[..n].to_vec(),
        };
        let alone = pay(&self.plan, program, &few.records, &few.lengths(), run, None);
        (0..3).any(|company| {
            let others = |i: usize| self.companions(&few, i, company);
            differ(&alone.total, &pay(&self.plan, program, &few.records, &few.lengths(), run, Some(&others)).total)
        })
    }

    /// What an arm of the plan pays for every transition.
    pub fn paid(&self, arm: usize) -> Result<Rc<Paid>, String> {
        self.paid_by(&self.plan.arms[arm])
    }

    /// The same for an arm that was edited.
    pub fn paid_by(&self, arm: &PlannedArm) -> Result<Rc<Paid>, String> {
        let key = (arm.program.source().to_string(), discount(&arm.settings).to_bits(), self.plan.run.updates);
        if let Some((_, known)) = self.asked.borrow().iter().find(|(asked, _)| *asked == key) {
            return known.clone();
        }
        let paid = self.ask(arm).map(Rc::new);
        let mut kept = self.asked.borrow_mut();
        if kept.len() == KEPT {
            kept.drain(..1);
        }
        kept.push((key, paid.clone()));
        paid
    }

    /// Whether a program pays something else at the end of the run than at its start.
    fn changes(&self, program: &Program) -> bool {
        let plan: &Plan = &self.plan;
        let late = pay(
            plan,
            program,
            &self.checks.records,
            &self.checks.lengths(),
            &run_values(plan, plan.run.updates - 1),
            None,
        );
        let early = pay(plan, program, &self.checks.records, &self.checks.lengths(), &run_values(plan, 0), None);
        differ(&early.total, &late.total)
    }

    /// What an answer rests on, in sentences.
    fn notes(&self, found: &Found, checked: &Payments, grouped: bool, times: usize, changes: bool) -> Vec<String> {
        let mut notes = Vec::new();
        let n = self.checks.len();
        if grouped {
            notes.push(format!(
                "It looks at the group: each episode was paid in groups whose other {} samples the base policy drew.",
                self.plan.group() - 1
            ));
        }
        if found.is_noisy {
            notes.push(format!("Noise is averaged over {times} draws."));
        }
        if !found.is_exact {
            notes.push(format!(
                "It looks at more of the episode than state and step, so this is solved for what each step is paid on average, which leaves {:.2} of {:.2} (deviation of an episode's reward) unexplained.",
                found.left, found.deviation
            ));
        }
        if self.model.estimated {
            notes.push("Some chances of the task were estimated from draws.".into());
        }
        if changes {
            notes.push("It changes during the run; this is what it pays at the first update.".into());
        }
        if checked.failed > 0 {
            notes.push(format!("It fails on {} of {n} episodes, which count as paid nothing.", checked.failed));
        }
        if checked.without > 0 {
            notes.push(format!(
                "It gives no reward to {} of {n} episodes, which count as paid nothing.",
                checked.without
            ));
        }
        notes
    }

    fn ask(&self, arm: &PlannedArm) -> Result<Paid, String> {
        let (plan, model): (&Plan, &Model) = (&self.plan, &self.model);
        let program = &arm.program;
        if let Some(why) = needs_a_run(plan, program) {
            return Err(why.into());
        }
        let gamma = discount(&arm.settings);
        let run = run_values(plan, 0);
        let grouped = self.looks_at_group(program, &run);
        if grouped && self.worlds[0].len() * plan.group() > GROUP_BUDGET {
            return Err(format!(
                "what it pays for an episode depends on the others of its group, and {} episodes with a group of {} each are too many to try",
                self.worlds[0].len(),
                plan.group()
            ));
        }
        let mut asking = Asking { program, run, grouped, checked: Payments::default() };
        asking.checked = self.asked(&asking, &self.checks, 0);
        let (tried, grown) = self.tried(&asking, gamma == 1.0 && !grouped)?;
        let Tried { found, components, times } = tried;
        let found = grown.unwrap_or(found);
        if found.is_hopeless() {
            return Err(format!(
                "what a step is paid depends on the rest of the episode, and its mean would leave {:.2} of {:.2} (deviation of an episode's reward) unexplained",
                found.left, found.deviation
            ));
        }
        let changes = self.changes(program);
        let checked = &asking.checked;
        let notes = self.notes(&found, checked, grouped, times, changes);
        let is_exact = found.is_exact && !model.estimated && checked.failed + checked.without == 0;
        Ok(Paid { r: found.r, components, is_exact, is_noisy: found.is_noisy, changes, notes, gamma })
    }

    /// The simplest table that holds, or the last one; and where none does and payments may be spread over steps
    /// (`may_grow`), what they grow by. A reward that is no sum over transitions in the first world is none, whatever the
    /// others say, so those are asked only where it may be one.
    fn tried(&self, asking: &Asking<'_>, may_grow: bool) -> Result<(Tried, Option<Found>), String> {
        let all = refs(&self.worlds);
        let is_alone = asking.grouped || all.len() == 1 || self.timed.is_empty();
        let (mut tried, mut may_grow) = (None, may_grow);
        if is_alone || is_exact(self.table(asking, &all[..1], false).as_ref()) {
            tried = self.table(asking, &all, false);
        }
        let is_done = is_exact(tried.as_ref());
        if let (false, false, Some(player)) = (is_done, self.timed.is_empty(), self.player()) {
            let first =
                if is_alone { None } else { self.table(asking, &at_every_step(&self.timed[..1], &player)?, true) };
            if let Some(first) = first.filter(|t| !t.found.is_exact) {
                if std::mem::take(&mut may_grow)
                    && let Some(found) = self.grown(asking)
                    && let Some(tried) = self.table(asking, &all, false)
                {
                    return Ok((tried, Some(found)));
                }
                if first.found.is_hopeless() {
                    return Ok((first, None));
                }
            }
            tried = self.table(asking, &at_every_step(&self.timed, &player)?, true).or(tried);
        }
        let tried = tried.ok_or("it could not be asked")?;
        let found = if may_grow && !tried.found.is_exact { self.grown(asking) } else { None };
        Ok((tried, found))
    }

    /// What it pays for some episodes.
    fn asked(&self, asking: &Asking<'_>, plays: &Plays, company: usize) -> Payments {
        let others = |i: usize| self.companions(plays, i, company);
        let others: Option<&dyn Fn(usize) -> Vec<f32>> = if asking.grouped { Some(&others) } else { None };
        pay(&self.plan, asking.program, &plays.records, &plays.lengths(), &asking.run, others)
    }

    /// Its mean payments over worlds; None where there are too many groups to try.
    fn table(&self, asking: &Asking<'_>, worlds: &[&Plays], timed: bool) -> Option<Tried> {
        let (plan, model): (&Plan, &Model) = (&self.plan, &self.model);
        let one = worlds[0].len() * plan.group();
        if asking.grouped && one > GROUP_BUDGET {
            return None;
        }
        let times = if asking.grouped { (GROUP_BUDGET / 2 / one).clamp(1, COMPANIES) } else { worlds.len() };
        let worlds: Vec<&Plays> = (0..times).map(|i| worlds[i % worlds.len()]).collect();
        let asked = if asking.grouped {
            worlds.iter().enumerate().map(|(i, plays)| self.asked(asking, plays, i)).collect()
        } else {
            pay_worlds(plan, asking.program, &worlds, &asking.run)
        };
        let checked = &asking.checked;
        let totals: Vec<&[f64]> = asked.iter().map(|p| p.total.as_slice()).collect();
        let found = mean_table(model, &worlds, &totals, &self.checks, &checked.total, timed);
        let components = (0..asking.program.components.len()).map(|c| {
            let own: Vec<&[f64]> = asked.iter().map(|p| p.components[c].as_slice()).collect();
            let found = mean_table(model, &worlds, &own, &self.checks, &checked.components[c], timed);
            found.is_exact.then_some(found.r)
        });
        let components = components.collect();
        Some(Tried { found, components, times })
    }

    /// Payments for whole episodes, spread over the steps by which they grew; None where those are not the same in every
    /// episode either.
    fn grown(&self, asking: &Asking<'_>) -> Option<Found> {
        if self.model.edges.len() > 4000 {
            return None;
        }
        let worlds = self.prefixes.len();
        let first = self.grown_in(asking, 1).filter(|found| found.is_exact)?;
        let found = if worlds == 1 { first } else { self.grown_in(asking, worlds)? };
        found.is_exact.then_some(found)
    }

    /// The same over the first worlds, exact or not.
    fn grown_in(&self, asking: &Asking<'_>, worlds: usize) -> Option<Found> {
        let (player, model) = (self.player()?, &self.model);
        let with_prefixes = |world: u32| {
            let mut prefixes = Plays::default();
            Ok((player.episodes(world, false, Some(&mut prefixes))?, prefixes))
        };
        let cells = self.prefixes[..worlds].iter().zip(0..);
        let all =
            cells.map(|(cell, world)| known(cell, || with_prefixes(world))).collect::<Result<Vec<_>, _>>().ok()?;
        let plays: Vec<&Plays> = all.iter().map(|(plays, _)| plays).collect();
        let prefixes: Vec<&Plays> = all.iter().map(|(_, prefixes)| prefixes).collect();
        let totals = pay_sums(&self.plan, asking.program, &prefixes, &asking.run);
        let spread = |(plays, totals): (&&Plays, &Vec<f64>)| differences(plays, totals, model.horizon);
        let paid: Vec<Vec<f64>> = plays.iter().zip(&totals).map(spread).collect();
        Some(mean_table(model, &plays, &slices(&paid), &self.checks, &asking.checked.total, false))
    }
}
