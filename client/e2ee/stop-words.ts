/**
 * Words too common to be searched for, and whose tags would tell a server the most. Part of the tokeniser's version:
 * a changed list is a changed index. Written as the tokeniser normalises them (lower case, no accents, no apostrophes).
 */
const lists = {
  en: `a about above after again all also am an and any are arent as at be because been before being below between both but by
    can cant could did didnt do does doesnt doing dont down during each even few for from further get go got had has have having
    he her here hers him his how i id if ill im in into is isnt it its ive just like me more most much my no nor not now of off
    on once one only or other our out over own same she should so some such than that thats the their them then there these they
    theyre this those through to too under until up us very was wasnt we well were what when where which while who whom why will
    with wont would yes you youre your yours`,
  de: `aber alle als also am an auch auf aus bei bin bis bist da damit dann das dass dein deine dem den denn der des dich die dies
    diese dieser dieses dir doch dort du durch ein eine einem einen einer eines er es etwas euch euer fur gegen habe haben hat
    hatte hier hin ich ihm ihn ihr ihre im in ins ist ja jetzt kann kein keine konnen man mehr mein meine mich mir mit muss nach
    nein nicht nichts noch nun nur ob oder ohne schon sehr sein seine sich sie sind so soll um und uns unser unter vom von vor war
    waren was weil wenn wer wie wieder wir wird wo wurde zu zum zur`,
  fr: `ai au aussi aux avec avez avoir avons bien car ce cela ces cest cet cette comme dans de des deux dire dit donc dont du elle
    elles en encore entre es est et etait etes etre eu fait faire faut il ils jai je jusqu la le les leur leurs lui ma mais me
    meme mes mon ne ni non nos notre nous on ont ou oui par pas peu peut plus pour pourquoi quand que quel quelle quest qui quoi
    sa sans se sera ses si son sont sur ta te tes toi ton tous tout toute toutes tres tu un une va vers veut vos votre vous y`,
  es: `a al algo ahora antes aqui asi aun bien cada como con cual cuando de del desde donde dos el ella ellas ellos en entre era es
    esa ese eso esta estaba estan estar estas este esto estoy fue ha hace han hasta hay he la las le les lo los mas me mi mis mucho
    muy nada ni no nos nosotros nuestra nuestro o os otra otro para pero poco por porque pues que quien se sea ser si sido siempre
    sin sobre solo somos son soy su sus tal tambien te tengo ti tiene todo todos tu tus un una uno unos usted va ya yo`,
  it: `a ad agli ai al alla alle allo anche ancora avere bene che chi ci come con cosa cosi da dagli dai dal dalla dei del della
    delle dello di dove dopo due e ed era essere fa fare fatto fino fra gia gli ha hai hanno ho i il in io la le lei li lo loro lui
    ma me mi mia mio molto ne nei nel nella niente no noi non nostro o ogni ora per perche pero piu poi prima proprio qua quale
    quando quanto quel quella quello questa questo qui se sei sempre senza si sia sono sta stato su sua sul sulla suo te ti tra tu
    tua tuo tutti tutto un una uno va vi voi`,
  pt: `a agora ai ainda algo ao aos aqui as ate bem cada com como da das de dela dele depois desde do dois dos e ela elas ele eles em
    entre era essa esse esta estao estar estas este estou eu fazer foi foram ha isso isto ja la lhe mais mas me mesmo meu meus minha
    muito na nada nao nas nem no nos nossa nosso num numa o onde os ou para pela pelo pode por porque pouco pra quando que quem se
    seja sem sempre ser sera seu seus si sim sobre sou sua suas so tambem tao te tem tenho ter teu todo todos tu tua tudo um uma vai
    voce voces vou`,
  nl: `aan al alleen als altijd ben bent bij daar dan dat de deze die dit doch doen door dus een eens en er ga gaan geen geweest haar
    had heb hebben heeft hem het hier hij hoe hun iets ik in is ja je jij jou jouw jullie kan kon kunnen maar me meer men met mij
    mijn moet na naar net niet niets nog nou nu of om omdat onder ons ook op over reeds te tegen toch toen tot u uit uw van veel
    voor waar waren wat we wel werd wie wij wil wordt worden zal ze zei zelf zich zij zijn zo zonder zou`,
  ru: `а без более бы был была были было быть в вам вас ведь весь во вот все всего всех вы где да даже для до его ее еи ему если есть
    еще ж же за здесь и из или им их к как когда кто ли либо меня мне может мои мы на надо нас наш не него нее нет ни них но ну
    о об однако он она они оно от очень по под после потом потому почему при про раз с сам сеичас себя со так также такои там тебя
    тем теперь то тоже тои только том ты тут у уже хотя чего чеи чем что чтобы эта эти это этого этот я`,
} as const;

export const stopWords: { readonly [Language in keyof typeof lists]: readonly string[] } = {
  en: lists.en.split(/\s+/),
  de: lists.de.split(/\s+/),
  fr: lists.fr.split(/\s+/),
  es: lists.es.split(/\s+/),
  it: lists.it.split(/\s+/),
  pt: lists.pt.split(/\s+/),
  nl: lists.nl.split(/\s+/),
  ru: lists.ru.split(/\s+/),
};

const all: ReadonlySet<string> = new Set(Object.values(stopWords).flat());

export const isStopWord = (word: string): boolean => all.has(word);
