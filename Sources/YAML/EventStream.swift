internal import CYAML

/// One event of libyaml with what this module needs of it.
struct Event {
    enum Kind {
        case streamStart
        case streamEnd
        case documentStart
        case documentEnd
        case alias
        case scalar(text: String, isPlain: Bool)
        case sequenceStart
        case sequenceEnd
        case mappingStart
        case mappingEnd
    }

    let kind: Kind
    /// The anchor that a node defines, or the one that an alias names.
    let anchor: String?
    /// The tag as written and expanded, if any.
    let tag: String?
    let position: SourcePosition
}

/// libyaml's parser, which owns a copy of its input for as long as it lives.
struct EventStream: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutablePointer<UInt8>
    private let inputCount: Int
    private let file: String

    init(_ bytes: [UInt8], file: String) throws(LoadError) {
        self.file = file
        inputCount = bytes.count
        input = .allocate(capacity: max(bytes.count, 1))
        for index in bytes.indices { (input + index).initialize(to: bytes[index]) }
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        guard yaml_parser_initialize(parser) == 1 else {
            throw LoadError("out of memory", at: SourcePosition(file: file))
        }
        yaml_parser_set_input_string(parser, input, inputCount)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    mutating func next() throws(LoadError) -> Event {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }
        let position = SourcePosition(
            file: file, line: Int(event.start_mark.line) + 1,
            column: Int(event.start_mark.column) + 1)
        func made(
            _ kind: Event.Kind, anchor: UnsafeMutablePointer<UInt8>? = nil,
            tag: UnsafeMutablePointer<UInt8>? = nil
        ) -> Event {
            Event(kind: kind, anchor: text(anchor), tag: text(tag), position: position)
        }
        let data = event.data
        switch event.type {
        case YAML_STREAM_START_EVENT: return made(.streamStart)
        case YAML_STREAM_END_EVENT: return made(.streamEnd)
        case YAML_DOCUMENT_START_EVENT: return made(.documentStart)
        case YAML_DOCUMENT_END_EVENT: return made(.documentEnd)
        case YAML_ALIAS_EVENT: return made(.alias, anchor: data.alias.anchor)
        case YAML_SEQUENCE_START_EVENT:
            let start = data.sequence_start
            return made(.sequenceStart, anchor: start.anchor, tag: start.tag)
        case YAML_SEQUENCE_END_EVENT: return made(.sequenceEnd)
        case YAML_MAPPING_START_EVENT:
            let start = data.mapping_start
            return made(.mappingStart, anchor: start.anchor, tag: start.tag)
        case YAML_MAPPING_END_EVENT: return made(.mappingEnd)
        case YAML_SCALAR_EVENT:
            let scalar = data.scalar
            let value = String(
                decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length),
                as: UTF8.self)
            let isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
            return made(
                .scalar(text: value, isPlain: isPlain), anchor: scalar.anchor, tag: scalar.tag)
        default:
            // YAML_NO_EVENT comes only after the end of the stream, where nobody asks.
            return made(.streamEnd)
        }
    }

    private func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    /// libyaml's own words, with the context that it was in.
    private func failure() -> LoadError {
        let state = parser.pointee
        var problem = state.problem.map { String(cString: $0) } ?? "cannot be parsed"
        if state.error == YAML_MEMORY_ERROR { problem = "out of memory" }
        if state.error == YAML_READER_ERROR {
            // Reader errors carry a byte offset and no mark.
            let before = min(Int(state.problem_offset), inputCount)
            var line = 1
            var column = 1
            for index in 0..<before {
                column += 1
                if input[index] == UInt8(ascii: "\n") {
                    line += 1
                    column = 1
                }
            }
            let position = SourcePosition(file: file, line: line, column: column)
            return LoadError("is not text in UTF-8 (\(problem))", at: position)
        }
        let mark = state.problem_mark
        if let context = state.context {
            let begin = state.context_mark.line
            let place = begin < mark.line ? " that begins in line \(begin + 1)" : ""
            problem = "\(problem) (\(String(cString: context))\(place))"
        }
        // At the end of the text libyaml counts a line that may not be there.
        var linesMax = 1
        for index in 0..<inputCount where input[index] == UInt8(ascii: "\n") { linesMax += 1 }
        let position = SourcePosition(
            file: file, line: min(Int(mark.line) + 1, linesMax), column: Int(mark.column) + 1)
        return LoadError(problem, at: position)
    }
}
