#include "data/sampler.h"
