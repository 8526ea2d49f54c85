//! What severities are called, in ten languages and several scales.

use super::Severity;

/// Words that mean a severity wherever something is marked with them.
pub(super) const CLEAR: [(Severity, &str); 4] = [
    (
        Severity::Critical,
        "critical, blocker, blocking, showstopper, show stopper, severe, fatal, P0, SEV0, SEV1, \
         致命, 致命的, 緊急, 紧急, クリティカル, ブロッカー, \
         नाज़ुक, संकटपूर्ण, अतिगंभीर, क्रिटिकल, \
         crítico, crítica, críticos, críticas, bloqueante, bloqueantes, bloqueador, bloqueadora, \
         bloquant, bloquante, bloquants, bloquantes, \
         حرج, حرجة, حاسم, حاسمة, \
         критический, критическая, критическое, критические, критичный, критичная, критичное, критично, \
         критичные, блокирующий, блокирующая, блокирующее, блокер, \
         kritisch, kritische, kritischer, kritisches, blockierend, blockierende, schwerwiegend, schwerwiegende",
    ),
    (
        Severity::Major,
        "major, serious, P1, SEV2, must fix, mustfix, \
         严重, 嚴重, 重大, \
         गंभीर, प्रमुख, \
         importante, importantes, mayor, mayores, \
         majeur, majeure, majeurs, majeures, \
         رئيسي, رئيسية, خطير, خطيرة, جسيم, جسيمة, \
         серьезный, серьезная, серьезное, серьезные, серьезно, значительный, значительная, значительное, \
         wesentlich, wesentliche, erheblich, erhebliche, gravierend, gravierende",
    ),
    (
        Severity::Minor,
        "minor, moderate, P2, P3, SEV3, should fix, \
         轻微, 輕微, 次要, 軽微, \
         मामूली, मध्यम, गौण, \
         mineur, mineure, mineurs, mineures, \
         طفيف, طفيفة, ثانوي, ثانوية, بسيط, بسيطة, \
         незначительный, незначительная, незначительное, незначительные, незначительно, умеренный, умеренная, \
         geringfügig, geringfügige, geringfuegig",
    ),
    (
        Severity::Nit,
        "nit, nits, nitpick, nitpicks, trivial, triviale, trivialer, triviales, cosmetic, nice to have, P4, SEV4, SEV5, \
         细枝末节, 些細, 細微, 细微, 吹毛求疵, \
         तुच्छ, नगण्य, \
         cosmético, cosmética, trivialidad, nimio, nimia, \
         cosmétique, cosmétiques, vétille, \
         تافه, تافهة, تجميلي, تجميلية, \
         косметический, косметическая, косметическое, тривиальный, тривиальная, тривиально, придирка, \
         kosmetisch, kosmetische, kleinigkeit, belanglos",
    ),
];

/// Words that mean one in a field for it, or where nothing else is said, and something else in other places.
pub(super) const IN_FIELDS: [(Severity, &str); 4] = [
    (
        Severity::Critical,
        "blocks, catastrophic, emergency, urgent, very high, highest, extreme, red, S0, S1, \
         priority 0, priority 1, severity 0, severity 1, level 0, \
         严重致命, 关键, 關鍵, 危急, 阻塞, 阻断, 最高, 极高, 红, 红色, 紅色, \
         मारक, आपातकालीन, अत्यंत गंभीर, अति गंभीर, बहुत गंभीर, बहुत उच्च, लाल, महत्वपूर्ण रूप से गंभीर, \
         urgente, urgentes, muy grave, muy alto, muy alta, gravísimo, gravísima, fatales, rojo, roja, vermelho, vermelha, \
         muito grave, muito alto, muito alta, impeditivo, impeditiva, \
         critique, critiques, très grave, très élevé, très élevée, fatale, rédhibitoire, rouge, \
         حرجه, قاتل, قاتلة, عاجل, عاجلة, مانع, خطير جدا, خطيرة جدا, احمر, \
         критическая ошибка, фатальный, фатальная, фатальное, срочный, срочно, очень высокий, очень высокая, красный, \
         sehr hoch, sehr hohe, fatale, fatal, dringend, blocker, rot, \
         最高度, 最優先, ブロック, 赤, 赤色",
    ),
    (
        Severity::Major,
        "high, important, significant, substantial, error, must, orange, amber, S2, priority 2, severity 2, \
         高, 重要, 主要, 较高, 較高, 高级, 橙, 橙色, 必须修复, 必須修正, \
         उच्च, महत्वपूर्ण, अहम, बड़ा, बड़ी, अधिक, ज़्यादा, नारंगी, \
         grave, graves, alto, alta, altos, altas, serio, seria, sério, séria, significativo, significativa, \
         considerable, elevado, elevada, principal, maior, maiores, naranja, laranja, \
         important, importante, élevé, élevée, élevés, élevées, haut, haute, sérieux, sérieuse, sérieuses, \
         significatif, significative, orangé, \
         عال, عالي, عالية, مرتفع, مرتفعة, مهم, مهمة, هام, هامة, كبير, كبيرة, شديد, شديدة, برتقالي, \
         высокий, высокая, высокое, высокие, важный, важная, важное, важные, важно, существенный, существенная, \
         существенное, тяжелый, тяжелая, крупный, крупная, основной, оранжевый, \
         hoch, hohe, hoher, hohes, wichtig, wichtige, wichtiger, ernst, ernste, ernsthaft, schwer, schwere, schwerer, \
         bedeutend, groß, große, gross, \
         深刻, 重度, ハイ, メジャー, オレンジ, 必須",
    ),
    (
        Severity::Minor,
        "medium, low, warning, should, yellow, S3, priority 3, priority 4, severity 3, \
         中, 低, 一般, 中等, 较低, 較低, 普通, 较轻, 小, 黄, 黄色, 黃色, \
         निम्न, कम, छोटा, छोटी, हल्का, हल्की, सामान्य, औसत, साधारण, पीला, \
         menor, menores, medio, media, médio, média, moderado, moderada, moderados, moderadas, leve, leves, bajo, baja, baixo, baixa, \
         secundario, secundaria, secundário, secundária, pequeno, pequena, pequeño, pequeña, amarillo, amarilla, amarelo, amarela, \
         faible, faibles, moyen, moyenne, modéré, modérée, léger, légère, bas, basse, secondaire, jaune, \
         متوسط, متوسطة, منخفض, منخفضة, صغير, صغيرة, خفيف, خفيفة, معتدل, معتدلة, اصفر, \
         средний, средняя, среднее, средне, низкий, низкая, низкое, мелкий, мелкая, мелкое, небольшой, небольшая, \
         второстепенный, второстепенная, слабый, желтый, \
         mittel, mittlere, mittlerer, mäßig, mässig, niedrig, niedrige, gering, geringe, geringer, klein, kleine, \
         kleiner, leicht, leichte, moderat, gelb, \
         中程度, 中度, 軽度, 小さい, マイナー, ロー, ミディアム",
    ),
    (
        Severity::Nit,
        "style, info, informational, information, note, optional, negligible, minimal, very low, lowest, typo, \
         suggestion, green, S4, priority 5, severity 5, \
         提示, 建议, 建議, 可选, 微小, 极低, 琐碎, 信息, 微不足道, 绿, 绿色, 綠色, \
         सुझाव, सूचना, वैकल्पिक, नाममात्र, सूक्ष्म, बहुत कम, हरा, \
         estilo, opcional, mínimo, mínima, insignificante, irrelevante, sugerencia, sugestão, informativo, informativa, \
         muy bajo, muy baja, muito baixo, muito baixa, detalle, detalhe, verde, \
         anodin, anodine, négligeable, mineur cosmétique, facultatif, facultative, optionnel, optionnelle, \
         stylistique, détail, minime, très faible, vert, verte, \
         شكلي, شكلية, اختياري, اختيارية, ضئيل, ضئيلة, هامشي, اقتراح, اخضر, \
         ничтожный, пустяк, пустяковый, мелочь, стилистический, стилистическая, необязательно, необязательный, \
         несущественный, несущественная, очень низкий, очень низкая, предложение, информация, зеленый, \
         unwichtig, unerheblich, unbedeutend, optional, stilistisch, hinweis, vernachlässigbar, minimal, sehr gering, \
         sehr niedrig, grün, \
         任意, 細かい, 参考, 情報, 提案, スタイル, 推奨, 緑, 緑色",
    ),
];
