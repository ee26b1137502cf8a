"""Reports from which the catalogue was seeded, with the mutants that have their form.

A report stands here only where a layer on the CPU can do what it says. What was reported of graphs, of several devices, or of
what frameworks do by convention is left out.
"""

from __future__ import annotations

from bn_reference.power.declaration import issue, pull
from bn_reference.power.history.declaration import Report

__all__ = ["EARLIER"]


def _torch(number: int) -> str:
    return issue("pytorch/pytorch", number)


EARLIER = (
    # statistics of the batch
    Report("unbiased_normalization", ("https://discuss.pytorch.org/t/177382", "https://discuss.pytorch.org/t/60827")),
    Report("square_for_root", (issue("jax-ml/jax", 442),)),
    Report("eps_outside_the_root", (pull("Tencent/ncnn", 311),)),
    Report("channel_axis_guessed_from_sizes", (issue("pytorch/ao", 4116),)),
    Report(
        "mean_of_chunk_means",
        (issue("PaddlePaddle/Paddle", 32464), issue("mapillary/inplace_abn", 68), issue("facebookresearch/fvcore", 152)),
    ),
    Report("last_block_of_odd_channels_lost", (issue("NVIDIA/apex", 1768),)),
    Report("long_rows_of_few_samples_cut", (pull("ROCm/MIOpen", 916),)),
    Report("samples_counted_for_values", (issue("keras-team/keras", 19848),)),
    Report("running_statistics_in_training", (pull("keras-team/keras", 1470),)),
    Report("absolute_weight", (issue("mapillary/inplace_abn", 92), issue("mapillary/inplace_abn", 114))),
    Report("weight_taken_for_one", (issue("apache/mxnet", 9624),)),
    Report("missing_bias_is_one", (pull("huggingface/optimum", 348),)),
    Report("weight_required", (_torch(54495), issue("Oneflow-Inc/oneflow", 7574))),
    Report(
        "variance_by_mean_of_squares",
        (
            issue("google/flax", 1491),
            issue("tenstorrent/tt-metal", 45968),
            pull("keras-team/keras", 18795),
            issue("google/objax", 182),
            pull("davisking/dlib", 3113),
        ),
    ),
    Report("sums_in_the_input_dtype", (pull("pytorch/pytorch", 126525),)),
    # the running update
    Report(
        "biased_running_variance",
        (pull("ml-explore/mlx", 3817), pull("tinygrad/tinygrad", 807), issue("tenstorrent/tt-metal", 55438)),
    ),
    Report(
        "momentum_reversed",
        (pull("d2l-ai/d2l-en", 2213), pull("Oneflow-Inc/oneflow", 6055), pull("microsoft/onnxscript", 1289)),
    ),
    Report("statistics_never_move", (pull("paiml/aprender", 2166), pull("pjreddie/darknet", 26))),
    Report("variance_never_moves", (pull("keras-team/keras-core", 339),)),
    Report("buffers_replaced", (pull("apache/singa", 554), pull("chainer/chainer", 1767))),
    Report("cumulative_weight_reversed", (issue("chainer/chainer", 1091),)),
    Report("no_momentum_is_zero", (issue("Lightning-AI/pytorch-lightning", 14866), pull("PaddlePaddle/Paddle", 79227))),
    Report("no_update_without_affine", (issue("apache/mxnet", 18673),)),
    Report(
        "eps_stored", (pull("chainer/chainer", 4505), pull("nntrainer/nntrainer", 677), pull("keras-team/keras-contrib", 287))
    ),
    Report("running_deviation", (issue("FluxML/Flux.jl", 314),)),
    Report("eps_in_bessel", (pull("mlpack/mlpack", 2474),)),
    Report("moments_mixed", (pull("BVLC/caffe", 3299),)),
    Report("updated_in_eval", (issue("FluxML/Flux.jl", 1429),)),
    Report("updated_in_the_backward_pass", (issue("apache/mxnet", 14357),)),
    Report("updated_twice", (_torch(96136), _torch(62471), pull("pfnet/pytorch-pfn-extras", 117))),
    Report("update_of_a_contiguous_copy", (_torch(33867), pull("intel/torch-xpu-ops", 2887))),
    Report("equal_vectors_in_one_place", (issue("microsoft/onnxruntime", 29790),)),
    Report("only_the_counter_stops", (_torch(37823), _torch(20967))),
    Report(
        "statistics_in_the_graph",
        (
            _torch(20275),
            issue("bayesiains/nflows", 10),
            pull("facebookresearch/synsin", 20),
            pull("d2l-ai/d2l-en", 1342),
        ),
    ),
    # eval
    Report("eps_only_in_training", (pull("chainer/chainer", 2214),)),
    Report("batch_statistics_in_eval", (pull("apache/tvm", 17752), pull("apache/tvm", 18704), issue("NVIDIA/caffe", 279))),
    Report("identity_without_tracking", (pull("FluxML/NNlib.jl", 576),)),
    Report("mode_read_once", (_torch(14027),)),
    Report(
        "untracked_evaluates_with_the_batch",
        (_torch(16793), _torch(44415)),
        missed="nobody evaluated while nothing is tracked; the rule of that does",
    ),
    Report("debiased_in_eval", (issue("patrick-kidger/equinox", 1010),)),
    Report("statistics_in_half_precision", (pull("apple/coreai-torch", 54),)),
    Report("statistics_along_the_last_axis", (pull("ooples/AiDotNet", 1586),)),
    # gradients
    Report("statistics_taken_for_constants", (pull("facebookresearch/CrypTen", 143),)),
    Report(
        "training_gradient_in_eval",
        (issue("pytorch/xla", 3361), issue("pytorch/xla", 913), issue("FluxML/Flux.jl", 2179), issue("apache/mxnet", 9580)),
    ),
    Report("backward_per_position", (issue("ooples/AiDotNet.Tensors", 233),)),
    Report("saved_tensor_scaled", (pull("pytorch/pytorch", 2268),)),
    Report("gradients_start_anew", (issue("apache/mxnet", 18499),)),
    Report("live_buffers_in_the_backward_pass", (_torch(13402), _torch(46808))),
    Report("no_gradient_without_tracking", (pull("Oneflow-Inc/oneflow", 5665),)),
    Report("gradient_sums_in_the_input_dtype", (pull("pytorch/pytorch", 147353),)),
    Report("weight_gradient_one_percent_low", (pull("ROCm/rocm-libraries", 7240),)),
    Report("batch_recovered_from_the_output", (issue("mapillary/inplace_abn", 4),)),
    Report("samples_past_seven_hundred_lost_going_back", (issue("ROCm/MIOpen", 1109),)),
    # layouts
    Report("read_in_storage_order", (_torch(63224),)),
    Report("storage_offset_ignored", (_torch(133520),)),
    Report("strided_upstream_refused", (_torch(1866),)),
    Report(
        "batch_read_as_the_upstream_lies",
        (_torch(64039), _torch(62967)),
        missed="no case had a batch channels last beside an upstream gradient in order; some have",
    ),
    Report("batch_misread_going_back", (pull("pytorch/pytorch", 181411),)),
    # form and memory
    Report("axis_left_behind", (_torch(59200),)),
    Report("axis_from_broadcasting", (issue("Xilinx/brevitas", 450),)),
    Report("input_as_scratch", (issue("flagos-ai/FlagGems", 6332),)),
    # what is refused, and what is taken
    Report("one_value_accepted", (_torch(1381), pull("torch/nn", 1271), issue("FluxML/Flux.jl", 1992))),
    Report("empty_batch_averaged", (_torch(12013),)),
    Report("empty_batch_refused", (_torch(120803),)),
    Report("reshaped_to_the_channels", (issue("vacancy/Synchronized-BatchNorm-PyTorch", 31),)),
    Report("halves_refused_without_weight", (_torch(61924), issue("NVIDIA/apex", 133))),
    # what is kept, and how it begins
    Report("counter_not_saved", (issue("Oneflow-Inc/oneflow", 7440), issue("mapillary/inplace_abn", 130))),
    Report(
        "counter_reset_by_loading",
        (_torch(110361),),
        missed="after what happens to a layer its number of batches was not looked at; it is",
    ),
    Report("copy_updates_the_original", (_torch(29015),)),
    Report(
        "reset_keeps_statistics",
        (pull("torch/nn", 434),),
        missed="nobody looked at what a reset leaves; the rule of fresh layers does",
    ),
    Report("weight_starts_uniform", (_torch(12259),)),
    Report("affine_ignored", (issue("LabForComputationalVision/bias_free_denoising", 2),)),
    # the same numbers again
    Report("summed_in_random_order", (_torch(53691),)),
    Report("race_in_the_sum", (issue("uxlfoundation/oneDNN", 284),)),
)
