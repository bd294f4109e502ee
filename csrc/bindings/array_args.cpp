// The slow half of the gate: messages, sources, new arrays.
#include "bindings/array_args.hpp"

#include "ranvier/text.hpp"

namespace py = pybind11;

namespace ranvier {
namespace {

std::string shape_of(const py::array& a) {
    std::string text = "(";
    for (py::ssize_t i = 0; i < a.ndim(); ++i) text += (i ? ", " : "") + std::to_string(a.shape(i));
    return text + (a.ndim() == 1 ? ",)" : ")");
}

std::string shape_of(Axes axes) {
    std::string text = "(";
    for (const Axis& axis : axes) {
        if (text.size() > 1) text += ", ";
        text += axis.name;
        if (axis.extent >= 0) text += "=" + std::to_string(axis.extent);
    }
    return text + (axes.size() == 1 ? ",)" : ")");
}

std::string dtype_of(const py::array& a) { return py::str(a.dtype()).cast<std::string>(); }

std::string start(const char* op, const char* name) {
    return std::string(op) + ": `" + name + "` ";
}

bool find_dtype(char kind, py::ssize_t itemsize, DType& dtype) {
    struct Row {
        char kind;
        int itemsize;
        DType dtype;
    };
    static constexpr Row rows[] = {
        {'f', 4, DType::f32}, {'f', 8, DType::f64}, {'f', 2, DType::f16}, {'i', 8, DType::i64},
        {'i', 4, DType::i32}, {'i', 2, DType::i16}, {'i', 1, DType::i8},  {'u', 1, DType::u8},
        {'u', 2, DType::u16}, {'u', 4, DType::u32}, {'u', 8, DType::u64}, {'b', 1, DType::b8},
    };
    for (const Row& row : rows)
        if (row.kind == kind && row.itemsize == itemsize) {
            dtype = row.dtype;
            return true;
        }
    return false;
}

}  // namespace

namespace gate {

void refuse_layout(const char* op, const py::array& a, const char* name, int wanted_type,
                   bool writable) {
    const std::string wanted = wanted_type == kTypeNumber<float> ? "float32" : "float64";
    if (type_number(a) != wanted_type)
        throw py::type_error(Text(start(op, name)) + "must have dtype " + wanted + "; got " +
                             dtype_of(a));
    if (!native_order(a))
        throw py::type_error(Text(start(op, name)) + "must be in native byte order; got dtype " +
                             dtype_of(a));
    if (writable && !has_flags(a, pyd::npy_api::NPY_ARRAY_WRITEABLE_))
        throw py::value_error(Text(start(op, name)) + "is written to, but it is read-only");
    if (!has_flags(a, pyd::npy_api::NPY_ARRAY_C_CONTIGUOUS_)) {
        std::string strides = "(";
        for (py::ssize_t i = 0; i < a.ndim(); ++i)
            strides += (i ? ", " : "") + std::to_string(a.strides(i));
        throw py::value_error(Text(start(op, name)) + "must be C-contiguous; got shape " +
                              shape_of(a) + " with strides " + strides +
                              (a.ndim() == 1 ? ",)" : ")"));
    }
    throw py::value_error(Text(start(op, name)) + "is not aligned to its element size");
}

void refuse_shape(const char* op, const py::array& a, const char* name, Axes axes) {
    throw py::value_error(Text(start(op, name)) + "must have shape " + shape_of(axes) + "; got " +
                          shape_of(a));
}

void refuse_shape(const char* op, const py::array& a, const char* name, const char* other_name,
                  const py::array& other) {
    throw py::value_error(Text(start(op, name)) + "must have the shape of `" + other_name + "`, " +
                          shape_of(other) + "; got " + shape_of(a));
}

void refuse_dtype(const char* op, const py::array& a, const char* name) {
    throw py::type_error(Text(start(op, name)) + "must have dtype float32 or float64; got " +
                         dtype_of(a));
}

void refuse_overlap(const char* op, const char* name, const char* other_name, bool partly) {
    throw py::value_error(Text(start(op, name)) + "and `" + other_name + "` must not share memory" +
                          (partly ? ", unless they are the same array" : ""));
}

py::array new_array(int type_number, int ndim, const index_t* shape) {
    const auto& api = pyd::npy_api::get();
    PyObject* a = api.PyArray_NewFromDescr_(reinterpret_cast<PyTypeObject*>(api.PyArray_Type_),
                                            api.PyArray_DescrFromType_(type_number), ndim, shape,
                                            nullptr, nullptr, 0, nullptr);
    if (a == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::array>(a);
}

py::array as_array(const char* op, const py::object& o, const char* name) {
    if (!pyd::npy_api::get().PyArray_Check_(o.ptr()))
        throw py::type_error(Text(start(op, name)) + "must be a numpy.ndarray; got " +
                             Py_TYPE(o.ptr())->tp_name);
    return py::reinterpret_borrow<py::array>(o);
}

}  // namespace gate

Source make_source(const char* op, const py::array& a, const char* name) {
    const auto* descr = gate::pyd::array_descriptor_proxy(gate::proxy(a)->descr);
    Source s;
    if (!find_dtype(descr->kind, a.itemsize(), s.dtype))
        throw py::type_error(Text(start(op, name)) +
                             "must hold booleans, integers or floats of 16, 32 or 64 bits; got "
                             "dtype " +
                             dtype_of(a));
    if (a.ndim() == 0)
        throw py::value_error(Text(start(op, name)) + "must have at least one axis; got ()");
    if (a.ndim() > 32)
        throw py::value_error(Text(start(op, name)) + "must have at most 32 axes; got " +
                              std::to_string(a.ndim()));
    s.data = a.data();
    s.swapped = !gate::native_order(a);
    s.shape.assign(a.shape(), a.shape() + a.ndim());
    s.strides.assign(a.strides(), a.strides() + a.ndim());
    return s;
}

}  // namespace ranvier
