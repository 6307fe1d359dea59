#include "fetch/archive.h"
