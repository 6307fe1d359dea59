"""retrain.py's training in real TensorFlow over its own text caches: test accuracy a split seed.

    python reference_accuracy.py BOTTLENECK_FOLDER [SEEDS [PREFIX]]

Splits are graft's --split_key=relative, or, with PREFIX ("some/folder/"), those of photos in that
folder under --split_key=path. src/train/retrain_test.cc holds the mean that TensorFlow 2.15.1 gave
for 40 seeds of relative splits: 83.298 %, deviation between splits 3.18 points. Batches are drawn
from NumPy, so a single split differs from graft's by chance: by 1.37 points (standard deviation).
"""
import hashlib
import os
import sys

import numpy as np
import tensorflow as tf

SUFFIX = '_mobilenet_0.50_224.txt'
STEPS, BATCH, RATE = 500, 100, 0.01


def split_of(text, seed):
  if seed:
    text += '#%d' % seed
  percentage = int(hashlib.sha1(text.encode()).hexdigest(), 16) % 2**27 * (100.0 / (2**27 - 1))
  return 'validation' if percentage < 10 else 'testing' if percentage < 20 else 'training'


def main():
  folder = sys.argv[1]
  seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 40
  prefix = sys.argv[3] if len(sys.argv) > 3 else ''
  classes = sorted(d for d in os.listdir(folder) if os.path.isdir(os.path.join(folder, d)))
  photos = [(k, c + '/' + f[:-len(SUFFIX)]) for k, c in enumerate(classes)
            for f in sorted(os.listdir(os.path.join(folder, c))) if f.endswith(SUFFIX)]
  features = np.array([np.loadtxt(os.path.join(folder, p + SUFFIX), np.float32, delimiter=',')
                       for _, p in photos])
  labels = np.array([k for k, _ in photos])

  tf1 = tf.compat.v1
  tf1.disable_eager_execution()
  x = tf1.placeholder(tf.float32, [None, features.shape[1]])
  y = tf1.placeholder(tf.int64, [None])
  weights = tf1.Variable(tf1.truncated_normal([features.shape[1], len(classes)], stddev=0.001))
  logits = tf.matmul(x, weights) + tf1.Variable(tf.zeros([len(classes)]))
  loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
  step = tf1.train.GradientDescentOptimizer(RATE).minimize(loss)
  accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))
  start = tf1.global_variables_initializer()
  results = []
  with tf1.Session() as session:
    for seed in range(seeds):
      splits = np.array([split_of(prefix + p, seed) for _, p in photos])
      by_class = [np.where((splits == 'training') & (labels == k))[0] for k in range(len(classes))]
      random = np.random.RandomState(seed + 1)
      session.run(start)
      for _ in range(STEPS):
        drawn = random.randint(len(classes), size=BATCH)
        batch = [by_class[k][random.randint(len(by_class[k]))] for k in drawn]
        session.run(step, {x: features[batch], y: labels[batch]})
      test = splits == 'testing'
      results.append(100 * session.run(accuracy, {x: features[test], y: labels[test]}))
      print('seed %d: %.2f %% of %d' % (seed, results[-1], test.sum()), flush=True)
  print('mean %.3f %%, deviation %.2f' % (np.mean(results), np.std(results, ddof=1)))


if __name__ == '__main__':
  main()
