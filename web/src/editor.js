// The reward editor: CodeMirror 6 with Python's grammar. Diagnostics and completions come from the reward compiler in
// the page; this file knows nothing about the language. Positions are UTF-16 offsets.
import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import {
  EditorView, drawSelection, dropCursor, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap,
  lineNumbers,
} from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

// CodeMirror's names for the compiler's kinds of completion.
const icons = {
  field: "property", run: "property", component: "function", function: "function", constant: "constant",
  keyword: "keyword", token: "text",
};

// Tab accepts a completion, else indents; Escape first leaves the editor to the keyboard (then Tab moves the focus).
const tabKeys = [
  { key: "Tab", run: acceptCompletion },
  { key: "Tab", run: indentMore, shift: indentLess },
];

/**
 * @param parent element that the editor fills
 * @param doc the program
 * @param label what a screen reader calls it
 * @param onChange (text) after every change by the person
 * @param complete (text, offset) -> [{label, detail, kind, from}]
 */
export function createEditor(parent, doc, label, onChange, complete) {
  let quiet = false;
  const source = (context) => {
    const word = context.matchBefore(/[A-Za-z_][A-Za-z0-9_]*/);
    const before = context.state.sliceDoc(Math.max(0, context.pos - 1), context.pos);
    if (!word && before !== "." && !context.explicit) return null;
    const options = complete(context.state.doc.toString(), context.pos);
    if (!options || options.length === 0) return null;
    return {
      from: word ? word.from : context.pos,
      options: options.map((o) => ({ label: o.label, detail: o.detail, type: icons[o.kind] ?? "variable" })),
      validFor: /^[A-Za-z0-9_]*$/,
    };
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc,
      extensions: [
        lineNumbers(),
        highlightActiveLineGutter(),
        highlightSpecialChars(),
        history(),
        drawSelection(),
        dropCursor(),
        EditorState.tabSize.of(4),
        indentUnit.of("    "),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        python(),
        syntaxHighlighting(classHighlighter),
        autocompletion({ override: [source], activateOnTypingDelay: 60 }),
        lintGutter(),
        keymap.of([
          ...tabKeys, ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap,
          ...lintKeymap,
        ]),
        EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", autocapitalize: "off" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !quiet) onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    /** Replaces the program without telling `onChange`; keeps the undo history of the person. */
    setText(text) {
      if (view.state.doc.toString() === text) return;
      quiet = true;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
      quiet = false;
    },
    /** [{from, to, severity: "error" | "warning", message}] */
    setDiagnostics(list) {
      const end = view.state.doc.length;
      const clamp = (x) => Math.max(0, Math.min(end, x));
      const items = list.map((d) => ({ ...d, from: clamp(d.from), to: Math.max(clamp(d.from), clamp(d.to)) }));
      view.dispatch(setDiagnostics(view.state, items));
    },
    destroy: () => view.destroy(),
  };
}
