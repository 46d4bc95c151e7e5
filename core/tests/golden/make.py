"""Makes trl_advantages.json and trl_losses.json anew by running TRL itself (CPU, float32), never by writing its formulas
out again. The files name the version that made them.

    python3 -m venv /tmp/trl && /tmp/trl/bin/pip install trl==1.16.0 torch
    /tmp/trl/bin/python core/tests/golden/make.py            # writes both files
    /tmp/trl/bin/python core/tests/golden/make.py --check    # only compares them with what this TRL says

Advantages: `GRPOTrainer` scores the completions of a tiny untrained model with preset rewards. A case has `rewards` [C][N]
(null = not applicable), `weights` [C] and the result `advantages` [N], N = prompts x group_size in group order.

Losses: `GRPOTrainer._compute_loss` on preset tensors. A case has `options` (fields of GRPOConfig that differ from their
defaults), `logp`, `logp_old`, `logp_ref`, `entropy`, `mask` [B][T], `advantages` [B] and the results `loss` and
`dloss_dlogp` [B][T]. The entropy is a constant, so `entropy_coef` shifts the loss and not this gradient. Gradients are not
accumulated, and `num_items_in_batch` is the number of active tokens.
"""

import json
import random
import sys
import tempfile
from pathlib import Path

import torch
import trl
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import GRPOConfig, GRPOTrainer

VERSION = "1.16.0"
PROMPTS, GROUP = 4, 8
SEQUENCES, STEPS = 8, 12

# Name, options of GRPOConfig, weights, what the rewards are. Each is drawn twice.
ADVANTAGES = [
    *(
        (f"{scale}-{kind}", {"scale_rewards": scale}, weights, kind)
        for scale in ["group", "batch", "none"]
        for kind, weights in [
            ("normal-1", [1.0]),
            ("binary-1", [1.0]),
            ("dead-1", [1.0]),
            ("multi-3", [1.0, 0.5, -2.0]),
            ("none-2", [1.0, 3.0]),
        ]
    ),
    ("gdpo-3", {"multi_objective_aggregation": "normalize_then_sum"}, [1.0, 0.5, 2.0], "multi-3"),
    ("gdpo-bin", {"multi_objective_aggregation": "normalize_then_sum"}, [1.0, 1.0], "binary-2"),
]

LOSSES = [
    {"loss_type": "grpo"},
    {"loss_type": "grpo", "beta": 0.04},
    {"loss_type": "grpo", "epsilon_high": 0.28},
    {"loss_type": "grpo", "importance_sampling_level": "sequence"},
    {"loss_type": "grpo", "importance_sampling_level": "sequence", "epsilon": 0.03, "epsilon_high": 0.04},
    {"loss_type": "grpo", "delta": 1.5},
    {"loss_type": "grpo", "top_entropy_quantile": 0.3},
    {"loss_type": "grpo", "beta": 0.1, "use_bias_correction_kl": True},
    {"loss_type": "bnpo"},
    {"loss_type": "bnpo", "beta": 0.04},
    {"loss_type": "dr_grpo"},
    {"loss_type": "dr_grpo", "epsilon_high": 0.28},
    {"loss_type": "dapo"},
    {"loss_type": "dapo", "epsilon_high": 0.28},
    {"loss_type": "dapo", "beta": 0.02, "epsilon_high": 0.28},
    {"loss_type": "cispo", "epsilon_high": 5.0},
    {"loss_type": "cispo", "epsilon_high": 1.2},
    {"loss_type": "sapo"},
    {"loss_type": "sapo", "sapo_temperature_pos": 2.0, "sapo_temperature_neg": 3.0},
    {"loss_type": "luspo", "importance_sampling_level": "sequence"},
    {"loss_type": "vespo"},
    {"loss_type": "grpo", "off_policy_mask_threshold": 0.1},
    {"loss_type": "grpo", "entropy_coef": 0.01},
]


def trainer(options, reward_funcs):
    """A trainer of a tiny untrained model that reads nothing from a hub."""
    words = {"<pad>": 0, "<eos>": 1, **{f"w{i}": i + 2 for i in range(14)}}
    text = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    text.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=text, pad_token="<pad>", eos_token="<eos>", padding_side="left")
    config = LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=64, pad_token_id=0, eos_token_id=1, bos_token_id=None,
    )
    # With beta the trainer loads the reference from where the model came from.
    folder = tempfile.mkdtemp()
    LlamaForCausalLM(config).save_pretrained(folder)
    args = GRPOConfig(
        output_dir=folder, use_cpu=True, bf16=False, fp16=False, report_to="none", num_generations=GROUP,
        per_device_train_batch_size=PROMPTS * GROUP, gradient_accumulation_steps=1,
        **{"max_completion_length": 4, **options},
    )
    data = Dataset.from_list([{"prompt": f"w{i} w{i + 1}"} for i in range(PROMPTS)])
    made = GRPOTrainer(
        model=LlamaForCausalLM.from_pretrained(folder), reward_funcs=reward_funcs, args=args, train_dataset=data,
        processing_class=tokenizer,
    )
    made.current_gradient_accumulation_steps = 1
    made.model.train()
    return made


def drawn_rewards(draw, kind):
    """The rewards [C][N] of a case."""
    kind, components = kind.split("-")

    def one(component, group):
        if kind == "binary":
            return float(draw.random() < 0.4)
        if kind == "dead":  # two groups without spread
            return 0.25 if group < 2 else round(draw.gauss(0.0, 1.0), 4)
        if kind == "none" and draw.random() < 0.3:
            return None
        return round(draw.gauss(0.0, 1.5), 4)

    rows = [[one(c, i // GROUP) for i in range(PROMPTS * GROUP)] for c in range(int(components))]
    if kind == "none":  # one completion that nobody scores
        for row in rows:
            row[3] = None
    return rows


def advantages_of(case):
    """What TRL makes of a case's rewards."""
    preset = [lambda prompts, row=row, **_: row for row in case["rewards"]]
    for i, function in enumerate(preset):
        function.__name__ = f"preset_{i}"
    options = {key: case[key] for key in ["scale_rewards", "multi_objective_aggregation"]}
    made = trainer({**options, "reward_weights": case["weights"]}, preset)
    inputs = [{"prompt": f"w{i} w{i + 1}"} for i in range(PROMPTS) for _ in range(GROUP)]
    return made._generate_and_score_completions(inputs)["advantages"]


def loss_of(case):
    """What TRL makes of a case's tensors: its loss, and the gradient to `logp`."""
    tensor = lambda name: torch.tensor(case[name], dtype=torch.float32)
    logp, mask = tensor("logp").requires_grad_(), torch.tensor(case["mask"], dtype=torch.long)
    made = trainer(case["options"], [lambda prompts, **_: [0.0] * len(prompts)])
    made._get_per_token_logps_and_entropies = lambda *_, **__: (logp, tensor("entropy"), None)
    loss = made._compute_loss(
        made.model,
        {
            "prompt_ids": torch.ones(SEQUENCES, 1, dtype=torch.long),
            "prompt_mask": torch.ones(SEQUENCES, 1, dtype=torch.long),
            "completion_ids": torch.ones(SEQUENCES, STEPS, dtype=torch.long),
            "completion_mask": mask,
            "advantages": tensor("advantages"),
            "old_per_token_logps": tensor("logp_old"),
            "ref_per_token_logps": tensor("logp_ref"),
            "num_items_in_batch": mask.sum(),
        },
    )
    loss.backward()
    return loss.detach(), logp.grad


def drawn_loss(draw, options):
    """The inputs of a case of `LOSSES`."""
    table = lambda make: [[round(make(b, t), 4) for t in range(STEPS)] for b in range(SEQUENCES)]
    logp = table(lambda b, t: -abs(draw.gauss(1.5, 0.8)) - 0.01)
    # Every other case is further from what it was sampled with, so that some ratios are clipped and some are not.
    spread = draw.choice([0.15, 0.5])
    near = lambda: table(lambda b, t: min(logp[b][t] + draw.gauss(0.0, spread), -0.001))
    lengths = [STEPS, *(draw.randint(1, STEPS) for _ in range(SEQUENCES - 1))]
    return {
        "options": {"max_completion_length": STEPS, **options},
        "logp": logp,
        "logp_old": near(),
        "logp_ref": near(),
        "entropy": table(lambda b, t: abs(draw.gauss(1.0, 0.6))),
        "mask": [[int(t < length) for t in range(STEPS)] for length in lengths],
        "advantages": [round(draw.gauss(0.0, 1.0), 4) for _ in range(SEQUENCES)],
    }


def numbers(tensor):
    """Seven digits of every number: all that a float32 has."""
    cut = lambda x: [cut(y) for y in x] if isinstance(x, list) else float(f"{x:.7g}")
    return cut(tensor.tolist())


def answered(case):
    """A case with what TRL says of it."""
    if "rewards" in case:
        return {**case, "advantages": numbers(advantages_of(case))}
    loss, grad = loss_of(case)
    return {**case, "loss": numbers(loss), "dloss_dlogp": numbers(grad)}


def drawn_cases():
    """The inputs of all cases, by file."""
    draw = random.Random(7)
    head = {"framework": "trl", "version": trl.__version__}
    defaults = {"scale_rewards": "group", "multi_objective_aggregation": "sum_then_normalize"}
    advantages = [
        {"name": f"{name}/{i}", **head, "group_size": GROUP, **defaults, **options, "weights": weights,
         "rewards": drawn_rewards(draw, kind)}
        for name, options, weights, kind in ADVANTAGES
        for i in range(2)
    ]
    losses = [
        {"name": f"{k}/{i}", **head, **drawn_loss(draw, options)} for k, options in enumerate(LOSSES) for i in range(2)
    ]
    return {"trl_advantages.json": advantages, "trl_losses.json": losses}


def differs(name, got, wanted):
    flat = lambda x: [z for y in x for z in flat(y)] if isinstance(x, list) else [x]
    pairs = list(zip(flat(got), flat(wanted), strict=True))
    far = [(g, w) for g, w in pairs if abs(g - w) > 1e-6 + 1e-5 * abs(w)]
    for g, w in far[:3]:
        print(f"{name}: TRL says {g}, the file {w}")
    return bool(far)


def check(folder):
    wrong = count = 0
    for file in ["trl_advantages.json", "trl_losses.json"]:
        for case in json.loads((folder / file).read_text()):
            said = answered(case)
            results = ["advantages"] if "rewards" in case else ["loss", "dloss_dlogp"]
            wrong += any(differs(f"{file} {case['name']} {key}", said[key], case[key]) for key in results)
            count += 1
    print(f"{count - wrong} of {count} cases are what TRL {trl.__version__} says")
    return wrong


def main():
    folder = Path(__file__).parent
    if "--check" in sys.argv:
        sys.exit(check(Path(sys.argv[2]) if len(sys.argv) > 2 else folder) > 0)
    if trl.__version__ != VERSION:
        sys.exit(f"these files are made with TRL {VERSION}, and this is {trl.__version__}")
    torch.manual_seed(0)
    for file, cases in drawn_cases().items():
        lines = ",\n".join(json.dumps(answered(case), separators=(",", ":")) for case in cases)
        (folder / file).write_text(f"[\n{lines}\n]\n")
        print(f"{file}: {len(cases)} cases")


main()
