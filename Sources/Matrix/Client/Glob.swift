/// Patterns in which `*` stands for any text and, outside filters, `?` for one character.
///
/// Specification: appendices, "Glob-style matching".
public enum Glob {
    /// Whether the pattern matches the whole text. Takes time proportional to the product of
    /// the lengths at worst, however hostile the pattern.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - pattern: The pattern.
    ///   - questionMarkMatches: Whether `?` stands for any one character.
    /// - Returns: Whether it matches.
    public static func matches(
        _ text: String, pattern: String, questionMarkMatches: Bool = false
    ) -> Bool {
        guard pattern.utf8.contains(where: { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") })
        else { return text == pattern }
        let text = Array(text.unicodeScalars)
        let pattern = Array(pattern.unicodeScalars)
        var textIndex = 0
        var patternIndex = 0
        // Where to go on if the text fails to match: the last star, and one character later.
        var retry: (pattern: Int, text: Int)?
        while textIndex < text.count {
            if patternIndex < pattern.count, pattern[patternIndex] == "*" {
                retry = (patternIndex + 1, textIndex)
                patternIndex += 1
            } else if patternIndex < pattern.count,
                pattern[patternIndex] == text[textIndex]
                    || (questionMarkMatches && pattern[patternIndex] == "?")
            {
                textIndex += 1
                patternIndex += 1
            } else if let (star, start) = retry {
                retry = (star, start + 1)
                patternIndex = star
                textIndex = start + 1
            } else {
                return false
            }
        }
        return pattern[patternIndex...].allSatisfy { $0 == "*" }
    }
}
