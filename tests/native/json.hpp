// Reads the golden vectors: as much of JSON as they need.
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace json {

class Value {
  public:
    double number = 0;
    std::string text;
    std::vector<Value> items;
    std::map<std::string, Value> fields;
    bool flag = false;

    const Value& operator[](const std::string& name) const {
        const auto found = fields.find(name);
        if (found == fields.end()) throw std::runtime_error("no field " + name);
        return found->second;
    }
    const Value& operator[](size_t index) const { return items.at(index); }
    bool has(const std::string& name) const { return fields.count(name) > 0; }
    size_t size() const { return items.size(); }
    // All numbers, whatever lists they stand in.
    std::vector<float> floats() const {
        std::vector<float> out;
        collect(out);
        return out;
    }

  private:
    void collect(std::vector<float>& out) const {
        if (items.empty()) out.push_back(float(number));
        for (const Value& item : items) item.collect(out);
    }
};

class Reader {
  public:
    explicit Reader(const std::string& source) : p_(source.c_str()) {}

    Value value() {
        Value out;
        switch (peek()) {
            case '{':
                list('{', '}', [&] {
                    const std::string name = text();
                    take(':');
                    out.fields.emplace(name, value());
                });
                break;
            case '[':
                list('[', ']', [&] { out.items.push_back(value()); });
                break;
            case '"':
                out.text = text();
                break;
            case 't':
                p_ += 4;
                out.flag = true;
                break;
            case 'f':
                p_ += 5;
                break;
            default:
                out.number = number();
        }
        return out;
    }

  private:
    char peek() {
        while (*p_ == ' ' || *p_ == '\n') ++p_;
        return *p_;
    }
    void take(char c) {
        if (peek() != c) throw std::runtime_error(std::string("expected ") + c + ", found " + p_);
        ++p_;
    }
    template <class Item>
    void list(char open, char close, Item item) {
        take(open);
        while (peek() != close) {
            item();
            if (peek() == ',') ++p_;
        }
        take(close);
    }
    std::string text() {
        take('"');
        std::string out;
        while (*p_ && *p_ != '"') out += *p_++;
        take('"');
        return out;
    }
    double number() {
        char* end;
        const double out = std::strtod(p_, &end);
        if (end == p_) throw std::runtime_error(std::string("expected a number, found ") + p_);
        p_ = end;
        return out;
    }

    const char* p_;
};

// One of the files of tests/golden/motion.
inline Value golden(const std::string& name) {
    std::ifstream file(std::string(POSEWIRE_GOLDEN) + "/" + name);
    if (!file) throw std::runtime_error("no golden file " + name);
    std::ostringstream text;
    text << file.rdbuf();
    const std::string source = text.str();
    return Reader(source).value();
}

}  // namespace json
