#include "data/text_cache.h"
