"""A short training of the program on photos that it draws, with its built-in network: for scripts that
need logs of ours and nothing from elsewhere."""

import subprocess

import places


def train(work, steps, summaries, *options):
    """Trains below `work`; the logs go to `summaries`. Raises CalledProcessError."""
    graft = places.graft()
    for words in (["sample", f"--output={work}/photos", "--photos_per_class=12"],
                  ["retrain", f"--image_dir={work}/photos",
                   "--architecture=untrained_mobilenet_0.25_128", f"--how_many_training_steps={steps}",
                   f"--summaries_dir={summaries}", f"--model_dir={work}/models",
                   f"--bottleneck_dir={work}/cache", f"--output_graph={work}/graph.pb",
                   f"--output_labels={work}/labels.txt", *options]):
        subprocess.run([graft, *words], check=True, capture_output=True)
