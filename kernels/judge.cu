// All kernels of judge, as one module.
#include "image.cuh"
#include "brightest.cuh"
#include "bound.cuh"
#include "best.cuh"
#include "windows.cuh"
