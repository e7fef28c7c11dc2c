"""Steps of PyTorch's SGD and AdamW on a small quadratic, in float64.

    python training_optimizers.py > training_optimizers.json

The loss is 0.5 * sum(curvature * (p - target)**2) over two parameters; before each step the
gradient is clipped to a global norm of 3 where "clip" says so, and the rate follows the
polynomial decay of 0.9 over 10 epochs, one step an epoch.
"""

import json

import torch

CASES = [
    ("sgd nesterov", "sgd", dict(momentum=0.99, nesterov=True, weight_decay=3e-5), False),
    ("sgd nesterov clipped", "sgd", dict(momentum=0.9, nesterov=True, weight_decay=0.01), True),
    ("sgd heavy ball", "sgd", dict(momentum=0.9, nesterov=False, weight_decay=0.0), False),
    ("sgd plain", "sgd", dict(momentum=0.0, nesterov=False, weight_decay=0.1), False),
    ("adamw", "adamw", dict(betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01), False),
    ("adamw clipped", "adamw", dict(betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1), True),
]
RATE, STEPS = 0.05, 10

torch.manual_seed(20220901)
shapes = {"a.weight": (3, 2), "b.bias": (5,)}
start = {k: torch.randn(s, dtype=torch.float64) * 3 for k, s in shapes.items()}
target = {k: torch.randn(s, dtype=torch.float64) for k, s in shapes.items()}
curvature = {k: torch.rand(s, dtype=torch.float64) * 2 + 0.1 for k, s in shapes.items()}

runs = []
for name, kind, options, clip in CASES:
    p = {k: v.clone().requires_grad_() for k, v in start.items()}
    cls = torch.optim.SGD if kind == "sgd" else torch.optim.AdamW
    optimizer = cls(p.values(), lr=RATE, **options)
    steps, norms = [], []
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS) ** 0.9
        optimizer.zero_grad()
        sum((0.5 * curvature[k] * (p[k] - target[k]) ** 2).sum() for k in p).backward()
        longest = 3.0 if clip else float("inf")
        norms.append(float(torch.nn.utils.clip_grad_norm_(p.values(), longest)))
        optimizer.step()
        steps.append({k: v.detach().flatten().tolist() for k, v in p.items()})
    runs.append(dict(name=name, kind=kind, options=options, clip=clip, norms=norms, steps=steps))

flat = lambda d: {k: v.flatten().tolist() for k, v in d.items()}
print(
    json.dumps(
        dict(
            torch=torch.__version__.split("+")[0],
            shapes=shapes,
            start=flat(start),
            target=flat(target),
            curvature=flat(curvature),
            rate=RATE,
            runs=runs,
        ),
        indent=1,
    )
)
