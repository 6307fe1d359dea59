#include "data/feature_cache.h"
