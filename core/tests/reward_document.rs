//! The examples of the language's document compile for the task that each names.

use goodhart_core::params::Overrides;
use goodhart_core::reward::{RunSchema, compile};
use goodhart_core::tasks::build;

#[test]
fn every_example_of_the_document_compiles() {
    let document = include_str!("../../docs/reward-language.md");
    let mut examples = 0;
    for block in document.split("```python").skip(1) {
        let (task, rest) = block.split_once('\n').unwrap();
        let (source, _) = rest.split_once("```").unwrap();
        let task = build(task.trim(), &Overrides::default()).unwrap_or_else(|errors| panic!("{task}: {errors:?}"));
        let compiled = compile(source, &task.schema, &RunSchema::default());
        assert!(compiled.diagnostics.is_empty(), "{source}\n{:?}", compiled.diagnostics);
        examples += 1;
    }
    assert!(examples >= 3, "{examples} examples");
}
