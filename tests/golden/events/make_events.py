"""Makes tensorflow1.events and tensorboard2.events with real TensorFlow (2.15.1 was used).

    python make_events.py OUTPUT_FOLDER

src/summary/*_test.cc reads them. The tensors behind the histograms come from the formulas in
tensors(), which the tests repeat; the histograms themselves were counted by TensorFlow's own op.
"""
import glob
import os
import struct
import sys

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1


def random_bits(count, seed):
  """Knuth's MMIX generator; its upper 32 bits."""
  state, out = seed, []
  for _ in range(count):
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    out.append(state >> 32)
  return out


def floats_of_all_classes(count, seed):
  """Bit patterns taken as floats: every exponent, both signs, subnormal too; finite ones only."""
  values = [struct.unpack('<f', struct.pack('<I', b))[0] for b in random_bits(count, seed)]
  return [v for v in values if np.isfinite(v)]


def small_floats(count, seed):
  """Whole multiples of 2^-26 in [-0.125, 0.125): the size of trained weights, exact in float32."""
  return [(b // 256 - 2**23) * 2.0**-26 for b in random_bits(count, seed)]


def tensors():
  return {
      'empty': [],
      'zero': [0.0],
      'around_zero': [-0.0, 1e-13, -1e-13],
      'few': [1, 2, 3, 3],
      'first_limits': [1e-12, -1e-12, 1.1e-12],
      'beyond_the_last_limit': [1e20, 3e38, -3e38, 1e21],
      'weights': small_floats(5005, 1),
      'all_classes': floats_of_all_classes(4000, 2),
  }


def write_tensorflow1(folder):
  with tf1.Graph().as_default() as graph, tf1.Session() as session:
    value = tf1.placeholder(tf.float32, [], name='value')
    loss = tf1.summary.scalar('cross_entropy_1', value)
    histograms = [
        tf1.summary.histogram(name, tf1.constant(np.array(values, np.float32)))
        for name, values in tensors().items()
    ]
    writer = tf1.summary.FileWriter(folder, graph=None)
    # A graph event of its own, small: the whole graph would carry the tensors above.
    with tf1.Graph().as_default() as small:
      tf1.placeholder(tf.float32, [], name='value')
    writer.add_graph(small)
    writer.add_summary(session.run(tf1.summary.merge(histograms)), 0)
    for step in range(3):
      writer.add_summary(session.run(loss, {value: 1.5 - 0.25 * step}), step)
    writer.close()


def write_tensorboard2(folder):
  with tf.summary.create_file_writer(folder).as_default():
    for step in range(3):
      tf.summary.scalar('epoch_loss', 1.5 - 0.25 * step, step=step)
    tf.summary.text('note', 'not a scalar', step=0)


def main():
  out = sys.argv[1]
  for name, write in (('tensorflow1', write_tensorflow1), ('tensorboard2', write_tensorboard2)):
    folder = os.path.join(out, name)
    if name == 'tensorflow1':
      with tf1.Graph().as_default():
        write(folder)
    else:
      write(folder)
    made, = glob.glob(os.path.join(folder, 'events.out.tfevents.*'))
    os.replace(made, os.path.join(out, name + '.events'))
    for left in glob.glob(os.path.join(folder, '*')):
      os.remove(left)
    os.rmdir(folder)


if __name__ == '__main__':
  main()
