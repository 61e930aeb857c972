// libxml2's streaming reader, which reads a document that is in memory.
#pragma once
#include <libxml/parser.h>
#include <libxml/xmlreader.h>
