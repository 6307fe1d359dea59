// The reference against TensorFlow's results (make_expected.py), so that the oracle has an oracle.
#include "kernels/reference/reference.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace graft {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor f32(const Shape& shape, const std::vector<float>& values) {
  return Tensor::from(shape, values);
}

Tensor u8(const Shape& shape, const std::vector<std::uint8_t>& values) {
  Tensor tensor(DType::kU8, shape);
  std::memcpy(tensor.view().data, values.data(), values.size());
  return tensor;
}

// How near: equal; or within a few units in the last place, where a function is approximated or
// divides; or within the roundings of a batch norm's five operations.
enum class Check : std::uint8_t { kExact, kUlps, kNorm };

struct Case {
  template <std::size_t N>
  Case(std::string case_name, Op case_op, Tensor (&&case_inputs)[N], Tensor case_expected,
       Check case_check)
      : name(std::move(case_name)),
        op(std::move(case_op)),
        expected(std::move(case_expected)),
        check(case_check) {
    for (Tensor& input : case_inputs) inputs.push_back(std::move(input));
  }
  std::string name;
  Op op;
  std::vector<Tensor> inputs;
  Tensor expected;
  Check check;
};

// On the reference backend, with the inputs at `constant` and above known beforehand.
Tensor evaluate(const Op& op, const std::vector<Tensor>& inputs, std::size_t constant) {
  OpSpec spec{op, {}, {}};
  std::vector<TensorView> known;
  std::vector<TensorView> given;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    spec.inputs.push_back(inputs[i].spec());
    const TensorView nothing{inputs[i].spec(), nullptr};
    known.push_back(i >= constant ? inputs[i].view() : nothing);
    given.push_back(i >= constant ? nothing : inputs[i].view());
  }
  const auto output = infer_output(op, spec.inputs);
  if (!output.ok()) {
    ADD_FAILURE() << output.error().message;
    return {};
  }
  spec.output = *output;
  const auto prepared = reference_backend().prepare(spec, known);
  if (const auto* refusal = std::get_if<Refusal>(&prepared)) {
    ADD_FAILURE() << refusal->reason;
    return {};
  }
  const Kernel& kernel = *std::get<0>(prepared);
  Tensor out(spec.output);
  AlignedBuffer scratch(kernel.scratch_bytes());
  kernel.run(given, out.view(), {scratch.data(), scratch.size()});
  return out;
}

// Sum of the absolute terms of (x - mean) * scale + beta.
Tensor norm_magnitudes(const Case& test) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < test.inputs.size(); ++i) {
    inputs.push_back(test.inputs[i].clone());
    for (float& value : inputs.back().as<float>()) {
      value = i == 1 ? -std::fabs(value) : std::fabs(value);
    }
  }
  return evaluate(test.op, inputs, inputs.size());
}

void expect_equal(const Case& test, const Tensor& got) {
  ASSERT_EQ(got.spec(), test.expected.spec());
  const auto a = got.as<float>();
  const auto b = test.expected.as<float>();
  const Tensor sums = test.check == Check::kNorm ? norm_magnitudes(test) : Tensor();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(b[i])) {
      EXPECT_TRUE(std::isnan(a[i])) << "at " << i << ": " << a[i];
      continue;
    }
    float tolerance = 0;
    if (test.check == Check::kUlps && std::isfinite(b[i])) {
      tolerance = 8 * std::ldexp(1.0F, -23) * std::fabs(b[i]);  // of TensorFlow's approximations
    }
    // var + eps, root, reciprocal, times gamma, x - mean, product, sum: seven on either side.
    if (test.check == Check::kNorm) tolerance = 14 * std::ldexp(1.0F, -24) * sums.as<float>()[i];
    EXPECT_TRUE(a[i] == b[i] || std::fabs(a[i] - b[i]) <= tolerance)
        << "at " << i << ": " << a[i] << ", TensorFlow has " << b[i];
  }
}

TEST(Reference, GivesTensorFlowsNumbers) {
  const std::array cases = std::to_array<Case>({
#include "kernels/reference/expected_from_tensorflow.inc"
  });
  EXPECT_GT(cases.size(), 80U);
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    expect_equal(test, evaluate(test.op, test.inputs, test.inputs.size()));
    expect_equal(test, evaluate(test.op, test.inputs, 1));
    expect_equal(test, evaluate(test.op, test.inputs, 0));
  }
}

TEST(Reference, SamePaddingIsTensorFlows) {
  struct SameCase {
    std::int64_t size, kernel;
    int stride, dilation;
    std::vector<float> expected;
  };
  const std::vector<SameCase> cases = {
#include "kernels/reference/same_padding_from_tensorflow.inc"
  };
  EXPECT_EQ(cases.size(), 180U);
  for (const SameCase& test : cases) {
    std::vector<float> x(static_cast<std::size_t>(test.size));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i + 1);
    std::vector<float> filter(static_cast<std::size_t>(test.kernel));
    for (std::size_t i = 0; i < filter.size(); ++i) filter[i] = static_cast<float>(i + 1);
    const AxisPadding pad = same_padding(test.size, test.kernel, test.stride, test.dilation);
    const Conv2D op{1, test.stride, 1, test.dilation, {0, 0, pad.before, pad.after}};
    std::vector<Tensor> inputs;
    inputs.push_back(f32({1, 1, test.size, 1}, x));
    inputs.push_back(f32({1, test.kernel, 1, 1}, filter));
    const Tensor got = evaluate(op, inputs, 2);
    const auto row = got.as<float>();
    EXPECT_EQ(std::vector<float>(row.begin(), row.end()), test.expected)
        << test.size << " by " << test.kernel << ", stride " << test.stride << ", dilation "
        << test.dilation;
  }
}

// Types that are only moved, and the blocked layouts by their definition.
TEST(Reference, MovesBytes) {
  std::vector<Tensor> bytes;
  bytes.push_back(u8({2, 1}, {1, 2}));
  bytes.push_back(u8({2, 2}, {3, 4, 5, 6}));
  const Tensor joined = evaluate(Concat{1}, bytes, 2);
  const std::vector<std::uint8_t> expected = {1, 3, 4, 2, 5, 6};
  ASSERT_EQ(joined.shape(), (Shape{2, 3}));
  EXPECT_EQ(std::memcmp(joined.view().data, expected.data(), expected.size()), 0);
}

TEST(Reference, ReordersByDefinition) {
  // [1,1,2,10]: pixel p, channel c holds 10 p + c.
  Tensor x(DType::kF32, Shape{1, 1, 2, 10});
  for (std::size_t i = 0; i < 20; ++i) x.as<float>()[i] = static_cast<float>(i);
  TensorSpec blocked = x.spec();
  blocked.layout = Layout::kBlocked8;
  Tensor y(blocked);
  for (float& value : y.as<float>()) value = -1;
  const std::array<TensorView, 1> in = {x.view()};
  reference::run(Reorder{Layout::kBlocked8}, {in, y.view(), {}});
  const std::vector<float> expected = {0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17,
                                       8, 9, 0, 0, 0, 0, 0, 0, 18, 19, 0,  0,  0,  0,  0,  0};
  const auto lanes = y.as<float>();
  EXPECT_EQ(std::vector<float>(lanes.begin(), lanes.end()), expected);
  Tensor back(x.spec());
  const std::array<TensorView, 1> again = {y.view()};
  reference::run(Reorder{Layout::kDense}, {again, back.view(), {}});
  EXPECT_EQ(std::memcmp(back.view().data, x.view().data, x.spec().bytes()), 0);
}

}  // namespace
}  // namespace graft
