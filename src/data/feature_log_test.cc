#include "data/feature_log.h"
