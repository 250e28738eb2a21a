"""A loop of accelerate on any number of processes, each row drawn once in every epoch.

The sampler needs no arguments for it: a loader that goes through ``accelerator.prepare`` shares its
batches among the processes. AllGather lets the loss compare the rows of all of them.
Run: accelerate launch --cpu --num_processes 2 examples/accelerate_loop.py
"""

import torch
from accelerate import Accelerator
from plain_loop import load
from torch import nn
from torch.utils.data import DataLoader

import aucmax
from aucmax.metrics import auroc_interval

EPOCHS = 20


def main() -> None:
    torch.manual_seed(0)
    accelerator = Accelerator(cpu=True)
    train, test = load()
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 1))

    loss_fn = aucmax.AllGather(aucmax.AUCMLoss())
    optimizer = aucmax.PESG(
        aucmax.param_groups(model, loss_fn), lr=0.1, momentum=0.9, epoch_decay=2e-3
    )
    size = 32 // accelerator.num_processes  # rows on each process
    batches = aucmax.BalancedBatches(train, batch_size=size, positives=0.5)
    loader = DataLoader(train, batch_sampler=batches)
    scheduler = aucmax.StageLR(optimizer, milestones=[EPOCHS // 2, 3 * EPOCHS // 4])
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    # What a checkpoint holds besides model and optimizer; accelerator.save_state(folder) saves all.
    accelerator.register_for_checkpointing(loss_fn, scheduler)

    for _ in range(EPOCHS):
        model.train()
        for x, target in loader:
            loss = loss_fn(model(x).squeeze(1), target)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
        scheduler.step()

    model.eval()
    x, target = test.tensors
    with torch.no_grad():
        scores = accelerator.unwrap_model(model)(x.to(accelerator.device)).squeeze(1)
    accelerator.print(f"test AUC {auroc_interval(scores, target)} (95 % interval)")
    accelerator.end_training()


if __name__ == "__main__":
    main()
