/*
 * oneDNN. Versions 2 and 3 differ in how a primitive is described, nothing else here.
 */
#include "tests/bench/conv/peers.h"

#include <oneapi/dnnl/dnnl.hpp>

#include <omp.h>

#include <unordered_map>
#include <vector>

namespace {

using dims = dnnl::memory::dims;
using tag = dnnl::memory::format_tag;
using argument_map = std::unordered_map<int, dnnl::memory>;

constexpr auto f32 = dnnl::memory::data_type::f32;
constexpr double trial_ms = 20;
constexpr int most_trials = 50;

dnnl::convolution_forward::primitive_desc describe(const dnnl::engine &engine, const bench_layer &layer,
                                                   tag data_tag, const dims &src, const dims &weights,
                                                   const dims &dst) {
    const dnnl::memory::desc src_desc(src, f32, data_tag), weights_desc(weights, f32, tag::any),
        dst_desc(dst, f32, data_tag);
    const dims strides{layer.stride, layer.stride}, dilates{layer.dilation - 1, layer.dilation - 1},
        padding{layer.pad[0], layer.pad[1]};
    const auto kind = dnnl::prop_kind::forward_inference;
    const auto algorithm = dnnl::algorithm::convolution_auto;
#if DNNL_VERSION_MAJOR >= 3
    return {engine, kind, algorithm, src_desc, weights_desc, dst_desc, strides, dilates, padding, padding};
#else
    return {{kind, algorithm, src_desc, weights_desc, dst_desc, strides, dilates, padding, padding}, engine};
#endif
}

class convolution {
  public:
    convolution(const bench_layer &layer, const bench_tensors &tensors, bool prepared, tag data_tag)
        : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
        const dims src{layer.n, layer.c, layer.h, layer.w}, dst{layer.n, layer.k, layer.out[0], layer.out[1]};
        const dims weights = layer.groups == 1
                                 ? dims{layer.k, layer.c, layer.kernel[0], layer.kernel[1]}
                                 : dims{layer.groups, layer.k / layer.groups, layer.c / layer.groups,
                                        layer.kernel[0], layer.kernel[1]};
        const auto desc = describe(engine_, layer, data_tag, src, weights, dst);
        const dnnl::memory plain_src = plain(src, tag::nchw, tensors.input),
                           plain_dst = plain(dst, tag::nchw, tensors.output),
                           plain_weights =
                               plain(weights, layer.groups == 1 ? tag::oihw : tag::goihw, tensors.weight);
        const dnnl::memory own_src = reordered(desc.src_desc(), plain_src, true),
                           own_weights = reordered(desc.weights_desc(), plain_weights, !prepared),
                           own_dst = desc.dst_desc() == plain_dst.get_desc()
                                         ? plain_dst
                                         : dnnl::memory(desc.dst_desc(), engine_);
        step(dnnl::convolution_forward(desc),
             {{DNNL_ARG_SRC, own_src}, {DNNL_ARG_WEIGHTS, own_weights}, {DNNL_ARG_DST, own_dst}});
        if (own_dst.get_desc() != plain_dst.get_desc())
            step(dnnl::reorder(own_dst, plain_dst), {{DNNL_ARG_FROM, own_dst}, {DNNL_ARG_TO, plain_dst}});
        stream_.wait();
    }

    void run() {
        for (auto &one : steps_)
            one.primitive.execute(stream_, one.arguments);
        stream_.wait();
    }

  private:
    struct primitive_step {
        dnnl::primitive primitive;
        argument_map arguments;
    };

    dnnl::memory plain(const dims &sizes, tag layout, const float *data) const {
        return dnnl::memory({sizes, f32, layout}, engine_, const_cast<float *>(data));
    }

    void step(const dnnl::primitive &primitive, const argument_map &arguments) {
        steps_.push_back({primitive, arguments});
    }

    /* `from` in the layout `desc`: the same memory where it has that already; reordered in every run, or once now. */
    dnnl::memory reordered(const dnnl::memory::desc &desc, dnnl::memory from, bool in_every_run) {
        if (from.get_desc() == desc)
            return from;
        dnnl::memory to(desc, engine_);
        dnnl::reorder reorder(from, to);
        if (in_every_run)
            step(reorder, {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
        else
            reorder.execute(stream_, from, to);
        return to;
    }

    dnnl::engine engine_;
    dnnl::stream stream_;
    std::vector<primitive_step> steps_;
};

/* What a run takes at least, of a few. */
double trial(convolution &candidate) {
    candidate.run();
    double best = 1e9, spent = 0;
    for (int i = 0; i < most_trials && spent < trial_ms; i++) {
        const double from = bench_now_ms();
        candidate.run();
        const double ms = bench_now_ms() - from;
        spent += ms;
        best = ms < best ? ms : best;
    }
    return best;
}

struct state {
    convolution *conv;
    int threads;
};

void *open(const bench_layer *layer, const bench_tensors *tensors, int asked, bool prepared) {
    const int threads = library_threads(asked);
    convolution *best = nullptr;
    double best_ms = 0;
    omp_set_num_threads(threads);
    for (const tag data_tag : {tag::any, tag::nchw}) {
        try {
            auto *candidate = new convolution(*layer, *tensors, prepared, data_tag);
            const double ms = trial(*candidate);
            if (best == nullptr || ms < best_ms) {
                delete best;
                best = candidate;
                best_ms = ms;
            } else {
                delete candidate;
            }
        } catch (const dnnl::error &) {
            continue; /* no implementation for this layout */
        }
    }
    return best == nullptr ? nullptr : new state{best, threads};
}

double run_ms(void *opened, int times) {
    auto *one = static_cast<state *>(opened);
    omp_set_num_threads(one->threads);
    const double from = bench_now_ms();
    for (int i = 0; i < times; i++)
        one->conv->run();
    return bench_now_ms() - from;
}

void close(void *opened) {
    auto *one = static_cast<state *>(opened);
    delete one->conv;
    delete one;
}

} // namespace

extern "C" const conv_peer onednn_peer = {"onednn", open, run_ms, close};
